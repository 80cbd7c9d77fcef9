// Runs in: tests.
import { relative } from "@std/path";
import { complaint, runCommand } from "../../src/build/command.ts";
import { filesBelow } from "../../src/build/files.ts";
import { findProgram, PACKAGES, type Program } from "./needs.ts";

/** The share of its lines that the tests must reach in every file below `src`. */
const MIN_PERCENT = 80;

interface FileCoverage {
  path: string;
  percent: number;
}

/**
 * The line coverage of every module below `src`, those of the browser too. A module that no test loads has 0 %, unless it holds types only.
 *
 * @param profiles the folder that `IVY_COVERAGE` named
 */
async function measure(profiles: string): Promise<FileCoverage[]> {
  await removeTorn(profiles);
  const result = await runCommand([Deno.execPath(), "coverage", "--lcov", "--quiet", profiles]);
  if (!result.success) throw new Error(`deno coverage failed: ${complaint(result)}`);
  const measured = readLcov(result.stdout);
  const files: FileCoverage[] = [];
  for await (const path of filesBelow("src")) {
    if (!/\.[jt]s$/.test(path)) continue;
    const percent = measured.get(path) ?? (await holdsTypesOnly(path) ? 100 : 0);
    files.push({ path, percent });
  }
  return files.sort((a, b) => a.percent - b.percent);
}

/** Some tests kill what they start, also while it writes its profile. */
async function removeTorn(profiles: string): Promise<void> {
  for await (const path of filesBelow(profiles)) {
    const text = await Deno.readTextFile(path);
    if (!text.trimEnd().endsWith("}")) await Deno.remove(path);
  }
}

function readLcov(text: string): Map<string, number> {
  const records = text.matchAll(/^SF:(.*)$[^]*?^LH:(\d+)\nLF:(\d+)$/gm);
  return new Map([...records].map(([, path, hit, found]) => {
    return [relative(Deno.cwd(), path!), found === "0" ? 100 : 100 * Number(hit) / Number(found)];
  }));
}

async function holdsTypesOnly(path: string): Promise<boolean> {
  const source = await Deno.readTextFile(path);
  return !/^(export )?(default )?(async )?(function|class|const|let|await|if|for)\b/m.test(source);
}

/** Prints a line per file; the exit status says whether all are covered well enough. */
async function main(): Promise<void> {
  const files = await measure(Deno.args[0]!);
  const lines = files.map(({ path, percent }) => `${percent.toFixed(1).padStart(5)} %  ${path}`);
  const low = files.filter(({ percent }) => percent < MIN_PERCENT);
  lines.push(`${low.length} of ${files.length} files have less than ${MIN_PERCENT} % of their lines covered`);
  const missing = (Object.keys(PACKAGES) as Program[]).filter((program) =>
    findProgram(program) === undefined
  );
  if (missing.length > 0) lines.push(`not judged: tests were skipped for want of ${missing.join(", ")}`);
  Deno.stdout.writeSync(new TextEncoder().encode(`${lines.join("\n")}\n`));
  if (low.length > 0 && missing.length === 0) Deno.exitCode = 1;
}

if (import.meta.main) await main();

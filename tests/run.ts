// Runs in: tests.
import { parseArgs } from "@std/cli/parse-args";
import { sentenceOf } from "../src/shared/errors.ts";
import { filesBelow, ignoreMissing } from "../src/build/files.ts";
import { installPrograms } from "./support/install.ts";
import { addCounts, type Counts, runEachAlone, runTogether } from "./support/test_group.ts";

const HELP = `Runs the tests; the last line counts them.

Usage: deno task test [--slow] [--nightly] [paths]

  --slow      only the files that take minutes: updates, attacks, kills, power cuts …; else they run only by name
  --nightly   also the long runs

Environment:
  IVY_BINARY       a compiled binary that the tests in tests/e2e use instead of main.ts
  IVY_COVERAGE     a folder for coverage profiles, to be read by deno coverage
  IVY_SCREENSHOTS  a folder for pictures of the status page

Example: deno task test tests/store
`;

/**
 * Tests that start programs, brokers or workers: a process each. They mostly wait for one another's answers, so a few
 * run at a time.
 */
const ALONE = /(^|\/)tests\/(e2e|web\/browser|backends|release|agent|store\/proof)\//;
const AT_ONCE = 4;
/** The slow ones work themselves, and look at probations of seconds. */
const SLOW_AT_ONCE = 3;
/** These take minutes each on a busy machine, and need not run before every change. */
const SLOW = new RegExp(
  `(^|/)tests/(e2e/(${
    [
      "arm64",
      "backends_(chaos|configuration|faults)",
      "bad_input",
      "config",
      "docs_commands",
      "doctor",
      "forged_messages",
      "full_disk",
      "kill",
      "links",
      "page_security",
      "removed_files",
      "replaced_procedures",
      "secrets_attack",
      "test_command",
      "up(date|grade)\\w*",
    ].join("|")
  })|agent/(move_journals|state_workers|updater/attacks)|store/proof/\\w+)\\.test\\.ts$`,
);
/** These look at single ticks, or emulate a processor: nothing else may run beside them. */
const TIMED = /(^|\/)tests\/e2e\/(arm64|supervision|stuck_threads)\.test\.ts$/;
/** These kill and cut what they start: nothing would come of a profile. */
const UNPROFILED = /(^|\/)tests\/store\/proof\//;

/** @throws {Error} when a path does not exist */
async function run(args: string[]): Promise<Counts> {
  const { slow, nightly: isNightly, _: paths } = parseArgs(args, {
    boolean: ["slow", "nightly"],
    unknown: (argument: string, key?: string) => {
      if (key !== undefined) throw new Error(`there is no option ${argument}; --help tells the usage`);
    },
  });
  const files = await testFiles(paths.map(String), slow);
  await installPrograms(files, say);
  const reasons = await Deno.makeTempFile({ prefix: "ivy-skips-" });
  const env = { IVY_TEST_SKIPS: reasons, ...(isNightly ? { IVY_NIGHTLY: "1" } : {}) };
  const coverageFolder = Deno.env.get("IVY_COVERAGE") || undefined;
  const total: Counts = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  const groups = Map.groupBy(files, groupOf);
  const profiled = { env, coverageFolder };
  addCounts(total, await runTogether(groups.get("together") ?? [], profiled));
  const atOnce = slow ? SLOW_AT_ONCE : AT_ONCE;
  addCounts(total, await runEachAlone(groups.get("alone") ?? [], atOnce, profiled));
  addCounts(total, await runEachAlone(groups.get("timed") ?? [], 1, profiled));
  addCounts(
    total,
    await runEachAlone(groups.get("unprofiled") ?? [], atOnce, { env, coverageFolder: undefined }),
  );
  await listSkipped(total, reasons);
  return total;
}

function groupOf(file: string): "together" | "alone" | "timed" | "unprofiled" {
  if (TIMED.test(file)) return "timed";
  if (UNPROFILED.test(file)) return "unprofiled";
  return ALONE.test(file) ? "alone" : "together";
}

/** @param slow whether to look in folders for the slow ones, instead of the others */
async function testFiles(paths: string[], slow: boolean): Promise<string[]> {
  const files: string[] = [];
  const isWanted = (file: string) => file.endsWith(".test.ts") && SLOW.test(file) === slow;
  for (const path of paths.length === 0 ? ["tests"] : paths) {
    const info = await Deno.stat(path).catch(ignoreMissing);
    if (info === undefined) throw new Error(`there is no ${path}; --help tells the usage`);
    if (info.isFile) files.push(path);
    else for await (const file of filesBelow(path)) if (isWanted(file)) files.push(file);
  }
  return files.sort();
}

async function listSkipped({ skippedNames }: Counts, reasonsFile: string): Promise<void> {
  const reasons = new Set((await Deno.readTextFile(reasonsFile)).split("\n").filter((line) => line !== ""));
  await Deno.remove(reasonsFile);
  if (skippedNames.length === 0) return;
  say("Skipped:");
  for (const name of skippedNames) say(`  ${name}`);
  if (reasons.size > 0) say("because");
  for (const reason of reasons) say(`  ${reason}`);
  say("");
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function main(): Promise<void> {
  if (Deno.args.includes("--help")) return say(HELP.trimEnd());
  const { passed, failed, skipped } = await run(Deno.args);
  say(`${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  if (failed > 0 || passed === 0) Deno.exitCode = 1;
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    say(`test: ${sentenceOf(error)}`);
    Deno.exitCode = 1;
  });
}

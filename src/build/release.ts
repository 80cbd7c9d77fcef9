// Runs in: build time.
import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl, join, resolve } from "@std/path";
import { createHash } from "node:crypto";
import { BLOCK_BYTES, type BlockList, weakNumber, weakSum } from "../shared/blocks.ts";
import { sentenceOf } from "../shared/errors.ts";
import {
  ACCEPTANCE_NAME,
  formatSums,
  namesFor,
  type ReleaseFile,
  SIGNATURES_NAME,
  SUMS_NAME,
} from "../shared/release.ts";
import { dateMark, productMark } from "../shared/release_marks.ts";
import { utcDay } from "../shared/time.ts";
import { product as ownProduct, version as ownVersion } from "../shared/version.ts";
import { complaint, runCommand } from "./command.ts";
import { ignoreMissing } from "./files.ts";
import { megabytes } from "./size.ts";

const HELP = `Makes a release of the binaries in dist/, to be signed with: ivy release sign --key KEYFILE DIR

Usage: deno task release [options]

  --dist DIR         where the binaries are: ivy, ivy-TARGET (default: dist)
  --output DIR       where the release goes (default: DIST/release)
  --version X.Y.Z    the version of the binaries (default: that in deno.json)
  --serial N         a number that grows from release to release (default: seconds since 1970)

Example: deno task release --version 1.2.0
`;

export interface ReleaseOptions {
  /** The compiled programs, by target. */
  binaries: Record<string, string>;
  output: string;
  version: string;
  serial: number;
  /** The acceptance tests as one JavaScript file; default: bundled from `tests/acceptance`. */
  acceptance?: string;
  /** Default: the name in `deno.json`. */
  product?: string;
  /** The day on which it is current, as `2026-11-30`; default: today. */
  date?: string;
}

/** Writes the files of a release and `SHA256SUMS`, unsigned. */
export async function makeRelease(options: ReleaseOptions): Promise<void> {
  const { binaries, output, version, serial, product = ownProduct, date = utcDay(Date.now()) } = options;
  await Deno.mkdir(output, { recursive: true });
  await Deno.remove(join(output, SIGNATURES_NAME)).catch(ignoreMissing);
  const files: ReleaseFile[] = [];
  for (const [target, binary] of Object.entries(binaries)) {
    const names = namesFor(target);
    await Deno.copyFile(binary, join(output, names.binary));
    const { whole, blocks } = await hashBlocks(binary);
    await Deno.writeTextFile(join(output, names.blocks), JSON.stringify(blocks));
    await compress(binary, join(output, names.compressed));
    files.push({ name: names.binary, sizeBytes: blocks.size_bytes, sha256: whole });
    for (const name of [names.compressed, names.blocks]) files.push(await describe(output, name));
  }
  const acceptance = join(output, ACCEPTANCE_NAME);
  if (options.acceptance === undefined) await bundleAcceptance(acceptance);
  else await Deno.writeTextFile(acceptance, options.acceptance);
  files.push(await describe(output, ACCEPTANCE_NAME));
  for (const mark of [await productMark(product), await dateMark(date)]) {
    await Deno.writeTextFile(join(output, mark.file.name), mark.text);
    files.push(mark.file);
  }
  await Deno.writeTextFile(join(output, SUMS_NAME), formatSums({ version, serial, files }));
}

/** Reads a file once for its own hash and those of its blocks. */
export async function hashBlocks(path: string): Promise<{ whole: string; blocks: BlockList }> {
  using file = await Deno.open(path);
  const whole = createHash("sha256");
  const blocks: BlockList = { size_bytes: 0, block_bytes: BLOCK_BYTES, sha256: [], weak: [] };
  for (const buffer = new Uint8Array(BLOCK_BYTES);;) {
    let length = 0;
    for (let read; length < BLOCK_BYTES && (read = await file.read(buffer.subarray(length))); length += read);
    if (length === 0) return { whole: whole.digest("hex"), blocks };
    const block = buffer.subarray(0, length);
    whole.update(block);
    blocks.size_bytes += length;
    blocks.weak.push(weakNumber(weakSum(block, 0, length)));
    blocks.sha256.push(createHash("sha256").update(block).digest("hex"));
  }
}

async function compress(from: string, to: string): Promise<void> {
  const [source, target] = [await Deno.open(from), await Deno.create(to)];
  await source.readable.pipeThrough(new CompressionStream("gzip")).pipeTo(target.writable);
}

async function describe(folder: string, name: string): Promise<ReleaseFile> {
  const bytes = await Deno.readFile(join(folder, name));
  return { name, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

async function bundleAcceptance(output: string): Promise<void> {
  const root = dirname(dirname(dirname(fromFileUrl(import.meta.url))));
  const result = await runCommand(
    [
      Deno.execPath(),
      "bundle",
      "--quiet",
      "--platform",
      "deno",
      "-o",
      output,
      "tests/acceptance/node.test.ts",
    ],
    { cwd: root },
  );
  if (!result.success) throw new Error(`deno bundle failed: ${complaint(result)}`);
}

async function findBinaries(dist: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, isFile } of Deno.readDir(dist)) {
    if (!isFile) continue;
    if (name === "ivy") found[Deno.build.target] = join(dist, name);
    else if (/^ivy-[^.]+$/.test(name)) found[name.slice("ivy-".length)] = join(dist, name);
  }
  if (Object.keys(found).length === 0) throw new Error(`there is no binary in ${dist}: deno task compile`);
  return found;
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function main(): Promise<void> {
  const { help, dist, output, version, serial } = parseArgs(Deno.args, {
    boolean: ["help"],
    string: ["dist", "output", "version", "serial"],
    default: { dist: "dist", version: ownVersion, serial: String(Math.floor(Date.now() / 1000)) },
    unknown: (word: string) => {
      throw new Error(`unknown argument "${word}"; --help lists what there is`);
    },
  });
  if (help) return say(HELP.trimEnd());
  const folder = resolve(output ?? join(dist, "release"));
  const binaries = await findBinaries(resolve(dist));
  await makeRelease({ binaries, output: folder, version, serial: Number(serial) });
  for await (const { name } of Deno.readDir(folder)) {
    say(`${name}: ${megabytes((await Deno.stat(join(folder, name))).size)}`);
  }
  say(`Now sign it: ivy release sign --key KEYFILE ${folder}`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    say(`release: ${sentenceOf(error)}`);
    Deno.exitCode = 1;
  });
}

// Runs in: benchmarks.
import { dirname, fromFileUrl, join } from "@std/path";
import { hashBlocks } from "../../src/build/release.ts";
import { filesBelow } from "../../src/build/files.ts";
import { parseEntry } from "../../src/agent/log_format.ts";
import { cpuUsage } from "node:process";
import { compiledIvy } from "../support/binary.ts";
import type { StoredLine } from "../support/messages.ts";
import { ReleaseLab } from "../support/release_lab.ts";
import { NEW, OLD, twoVersions, UpdateLab } from "../support/update_lab.ts";
import { peakBytes, peakRow, resetPeak } from "./peak.ts";
import type { BenchRow } from "./row.ts";
import { benchPackage } from "./update_package.ts";

const PROJECT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));
const HASHED_BYTES = 100_000_000;
const TEN_LINES = Array.from(
  { length: 10 },
  (_, index) =>
    `if (config.seconds_between_checks === ${7000 + index}) throw new Error("a line more: ${index}");`,
).join("\n    ");

/** What an update costs: bytes on the network, time without measurements, memory, processor. */
export async function benchUpdate(): Promise<BenchRow[]> {
  const { old, next } = (await twoVersions())!;
  const edited = await compileEdited();
  const plain = await compiledIvy({ version: OLD });
  return [
    await benchWire("a first install", { next }),
    await benchWire("another Deno (from 2.4.2 to this one, for which `deno` itself stands)", {
      old,
      next: Deno.execPath(),
    }),
    ...await benchTransfer("a server without ranges", { old, next, ranges: false }),
    ...await benchTransfer("another version number", { old, next }),
    ...await benchTransfer("ten lines of TypeScript and another version number", {
      old: plain,
      next: edited,
      isPlain: true,
    }),
    await benchPackage({ old, next }),
    await benchHashing(),
  ];
}

/** Ivy with ten lines more in one of its files. */
async function compileEdited(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "ivy-edited-" });
  try {
    for (
      const part of ["deno.json", "deno.lock", "main.ts", "src", "procedures", "config", "tests/acceptance"]
    ) {
      await copyPart(join(PROJECT, part), join(copy, part));
    }
    const file = join(copy, "procedures", "system_checks.ts");
    const text = await Deno.readTextFile(file);
    const call = "await checkOnce();";
    if (!text.includes(call)) throw new Error(`${file} has no ${call} any more`);
    await Deno.writeTextFile(file, text.replace(call, `{\n    ${TEN_LINES}\n    ${call}\n    }`));
    return await compiledIvy({ entry: join(copy, "main.ts"), version: NEW });
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function copyPart(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  for await (const file of filesBelow(from)) await copyPart(file, join(to, file.slice(from.length)));
}

/** What the release worker fetches of a release, on a node that has `old` or nothing. */
async function benchWire(what: string, { old, next }: { old?: string; next: string }): Promise<BenchRow> {
  await using lab = await ReleaseLab.open(await Deno.readFile(next));
  if (old !== undefined) await Deno.symlink(old, join(lab.staging, "base"));
  const { wireBytes, how } = await lab.fetch();
  return {
    name: `bytes over the network, ${what} (${how})`,
    value: wireBytes / 1000,
    unit: "kB",
    limit: Deno.statSync(next).size / 1000,
    limitName: "binary",
  };
}

async function benchTransfer(
  what: string,
  { old, next, ranges = true, isPlain = false }: {
    old: string;
    next: string;
    ranges?: boolean;
    isPlain?: boolean;
  },
): Promise<BenchRow[]> {
  await using lab = await UpdateLab.open({
    old,
    server: { ranges },
    configure: (config) => {
      if (!isPlain) return; // the metronome, four times a second
      config.procedures = { system_checks: { enabled: true, seconds_between_checks: 1 } };
    },
  });
  await lab.publish(next);
  lab.supervise();
  await lab.untilLog(/ ready: 1 procedures/);
  const { pid } = lab.lives[0]!;
  const beforeBytes = resetPeak(pid);
  const sent = lab.server.sentBytes;
  const asked = lab.ivy("update", NEW);
  await lab.untilLog(/testing 4\.5\.6/);
  const peak = peakBytes(pid);
  await asked;
  await lab.untilLog(/4\.5\.6 has proved itself/);
  const sizeBytes = Deno.statSync(next).size;
  const wire = lab.server.sentBytes - sent;
  const isDelta = /\(delta\)/.test(lab.log);
  return [
    {
      name: `bytes over the network, ${what}`,
      value: wire / 1000,
      unit: "kB",
      limit: sizeBytes / 1000,
      limitName: "binary",
      ...(isDelta ? { goal: "≤ 1 %", met: wire <= sizeBytes / 100 } : {}),
    },
    peakRow(isDelta ? "the delta" : "the download", peak - beforeBytes),
    switchOver(lab.log),
    measurementGap(lab.messages(), isPlain ? 1 : 0.25),
  ];
}

/** The longest time between two measurements, beside the time that is wanted between them. */
function measurementGap(messages: StoredLine[], intervalSeconds: number): BenchRow {
  const times = messages.filter(({ message_body: { variant } }) => variant === "data")
    .map(({ timestamp }) => timestamp);
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  const value = Math.max(...gaps);
  return {
    name: "longest time between two measurements, over the switch",
    value,
    unit: "s",
    limit: intervalSeconds,
    limitName: "interval",
    goal: "≤ 5 s",
    met: value <= 5,
  };
}

function switchOver(log: string): BenchRow {
  const entries = log.split("\n").flatMap((line) => parseEntry(line) ?? []);
  const stopping = entries.find(({ subject }) => /^stopping: Ivy/.test(subject))!;
  const ready = entries.find(({ subject, timeMs }) => /^ready: /.test(subject) && timeMs > stopping.timeMs)!;
  const tookMs = ready.timeMs - stopping.timeMs;
  return {
    name: "from the old version's end to the new one's readiness",
    value: tookMs / 1000,
    unit: "s",
    goal: "≤ 5 s",
    met: tookMs <= 5000,
  };
}

async function benchHashing(): Promise<BenchRow> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, new Uint8Array(HASHED_BYTES));
    const before = cpuUsage();
    await hashBlocks(file);
    const { user, system } = cpuUsage(before);
    return {
      name: "hashing a binary of 100 MB and its blocks, on one core",
      value: (user + system) / 1e6,
      unit: "s of processor time",
    };
  } finally {
    await Deno.remove(file);
  }
}

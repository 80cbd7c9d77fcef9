// Runs in: main thread.
import { dirname, join } from "@std/path";
import { sentenceOf } from "../../shared/errors.ts";
import { version } from "../../shared/version.ts";
import { type AnnouncedSettings, readRawConfig, redactConfig } from "../configuration.ts";
import { CommandError } from "../errors.ts";
import { syncFolder } from "../files.ts";
import { exists, type Paths } from "../paths.ts";
import { UNIT } from "../service/unit.ts";
import { endOfText } from "../../shared/text.ts";
import type { Finding, Question, Surroundings } from "./finding.ts";
import { hideSecrets } from "./hidden.ts";
import { type TarFile, tarOf } from "./tar.ts";

/** The newest log lines are the ones that matter; older ones would only make the file large, in bytes. */
const MAX_LOG_BYTES = 20_000_000;
const JOURNAL_LINES = "2000";

export interface BundleOptions {
  /** What {@link openBundle} has opened, and its name. */
  output: Deno.FsFile;
  file: string;
  paths: Paths;
  environment: Record<string, string>;
  surroundings: Surroundings;
  schemas: AnnouncedSettings;
  findings: Finding[];
  /** The running agent's status; undefined when none answers. */
  status: unknown;
  nowMs: number;
}

/** The service's own account of itself, which root and some groups may read. */
export const SERVICE_JOURNAL: Question = [
  "journalctl",
  `--unit=${UNIT}`,
  "--lines",
  JOURNAL_LINES,
  "--no-pager",
  "--output=short-iso",
];

/**
 * Makes the file, with mode 0600; nothing that is there is lost.
 *
 * @throws {CommandError} when it is there already or cannot be made.
 */
export function openBundle(file: string): Deno.FsFile {
  try {
    const output = Deno.openSync(file, { write: true, createNew: true, mode: 0o600 });
    syncFolder(dirname(file));
    return output;
  } catch (error) {
    throw notWritten(file, error);
  }
}

/**
 * Writes what a bug report needs into one `.tar.gz`: logs, status, configuration, versions, and what the doctor has
 * found. No secret is in it.
 *
 * @returns the names of the files in it.
 * @throws {CommandError} when it cannot be written.
 */
export async function writeBundle(options: BundleOptions): Promise<string[]> {
  const { output, file, nowMs } = options;
  const files = await collect(options);
  const redact = hideSecrets(options);
  const clean = files.map(({ name, text }) => ({ name: `ivy/${name}`, text: redact(text) }));
  try {
    using opened = output;
    const packed = ReadableStream.from(tarOf(clean, Math.floor(nowMs / 1000)))
      .pipeThrough(new CompressionStream("gzip"));
    for await (const piece of packed) {
      for (let done = 0; done < piece.length;) done += await opened.write(piece.subarray(done));
    }
    await opened.sync();
  } catch (error) {
    throw notWritten(file, error);
  }
  return files.map(({ name }) => name);
}

function notWritten(file: string, error: unknown): CommandError {
  return new CommandError(`cannot write ${file}: ${sentenceOf(error)}. Choose another --bundle`);
}

async function collect(
  { paths, schemas, findings, status, surroundings }: BundleOptions,
): Promise<TarFile[]> {
  const json = (name: string, value: unknown) => ({ name, text: `${JSON.stringify(value, null, 2)}\n` });
  const { read, ask } = surroundings;
  const journal = await ask(SERVICE_JOURNAL);
  return [
    json("doctor.json", findings),
    json("versions.json", {
      ivy: version,
      deno: Deno.version,
      target: Deno.build.target,
      compiled: Deno.build.standalone,
      active: exists(paths.current) ? Deno.readLinkSync(paths.current) : null,
      kernel: Deno.osRelease(),
      system: read("/etc/os-release")?.split("\n") ?? null,
      model: read("/proc/device-tree/model")?.replaceAll("\0", "") ?? null,
    }),
    json("status.json", status ?? { running: false }),
    ...configFiles(paths, schemas),
    ...(journal === undefined ? [] : [{ name: "journal.txt", text: journal }]),
    ...await logFiles(paths.logs),
  ];
}

/** A file that is not JSON cannot be redacted, so it stays out. */
function configFiles(paths: Paths, schemas: AnnouncedSettings): TarFile[] {
  const named = { "config.json": paths.configFile, "config.last_good.json": paths.lastGoodConfigFile };
  return Object.entries(named).filter(([, path]) => exists(path)).map(([name, path]) => {
    try {
      const shown = redactConfig(readRawConfig(path), schemas);
      return { name, text: `${JSON.stringify(shown, null, 2)}\n` };
    } catch (error) {
      return { name: `${name}.fault.txt`, text: `it is not in here, because ${sentenceOf(error)}\n` };
    }
  });
}

/** The newest days first, until there is enough. */
async function logFiles(folder: string): Promise<TarFile[]> {
  if (!exists(folder)) return [];
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    /\.log(\.gz)?$/.test(name)
  );
  const files: TarFile[] = [];
  let leftBytes = MAX_LOG_BYTES;
  for (const name of names.sort().reverse()) {
    if (leftBytes <= 0) break;
    const path = join(folder, name);
    const text = name.endsWith(".gz") ? endOfText(await gunzipped(path), leftBytes) : tailOf(path, leftBytes);
    leftBytes -= text.length;
    files.push({ name: `logs/${name.replace(/\.gz$/, "")}`, text });
  }
  return files;
}

async function gunzipped(path: string): Promise<string> {
  try {
    const { readable } = await Deno.open(path);
    return await new Response(readable.pipeThrough(new DecompressionStream("gzip"))).text();
  } catch (error) {
    return `it is damaged: ${sentenceOf(error)}\n`;
  }
}

function tailOf(path: string, maxBytes: number): string {
  using file = Deno.openSync(path);
  const { size } = file.statSync();
  if (size > maxBytes) file.seekSync(-maxBytes, Deno.SeekMode.End);
  const bytes = new Uint8Array(Math.min(size, maxBytes));
  let done = 0;
  for (let count; done < bytes.length && (count = file.readSync(bytes.subarray(done))) !== null;) {
    done += count;
  }
  const start = bytes.findIndex((byte) => (byte & 0xC0) !== 0x80); // of a character
  return new TextDecoder().decode(bytes.subarray(Math.max(0, start), done));
}

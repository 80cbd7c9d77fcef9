// Runs in: main thread.
import { dirname } from "@std/path";
import { sentenceOf } from "../shared/errors.ts";
import { utcDay } from "../shared/time.ts";
import { syncFolder, temporaryName } from "./files.ts";
import { isPacked, logDays, logParts } from "./log_files.ts";

/** Nobody writes to a log that ended so long ago, also when the clock is put right by a little, in milliseconds. */
const REST_MS = 86_400_000;

/** Its last command takes the lines away, so all before is on the disk by then. `-C` writes to a new file only. */
const PACK =
  `set -eC; trap 'rm -f "$3"' EXIT; nice -n 19 gzip -c "$1" >"$3"; sync "$3"; mv -fT "$3" "$1.gz"; sync "$2"; rm "$1"`;

/**
 * Compresses the logs of days that are long over, with the system's gzip at the lowest priority: main only waits. Each
 * is replaced in one step, so that after a crash a day is there plain or compressed, or both with the same lines.
 *
 * @returns the files that were compressed.
 * @throws {Error} with gzip's own words; what is left is compressed another day.
 */
export async function packOldLogs(directory: string, nowMs: number): Promise<string[]> {
  const newest = utcDay(nowMs - REST_MS);
  const plain = logDays(directory).filter((day) => day < newest)
    .flatMap((day) => logParts(directory, day)).filter(({ isCompressed }) => !isCompressed)
    .map(({ path }) => path);
  for (const path of plain) await pack(path);
  if (plain.length > 0) syncFolder(directory);
  removePacked(directory, newest);
  return plain;
}

async function pack(path: string): Promise<void> {
  try {
    const { success, stderr } = await new Deno.Command("sh", {
      args: ["-c", PACK, "sh", path, dirname(path), temporaryName(`${path}.gz`)],
      stdin: "null",
      stdout: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  } catch (error) {
    throw new Error(`${path} could not be compressed: ${sentenceOf(error)}`);
  }
}

/** A crash came between compressing and removing. */
function removePacked(directory: string, newest: string): void {
  for (const { name } of [...Deno.readDirSync(directory)]) {
    const path = `${directory}/${name}`;
    if (/^[\d-]+\.log$/.test(name) && name < newest && isPacked(path)) Deno.removeSync(path);
  }
}

// Runs in: main thread.
import { join } from "@std/path";
import { sentenceOf } from "../shared/errors.ts";
import { withLimit } from "../shared/time.ts";
import { exists } from "./paths.ts";

/** The program is younger than this: an earlier clock is wrong, whoever says otherwise. */
export const EARLIEST_MS = Date.UTC(2025, 0, 1);
/** Touched by systemd-timesyncd once the clock has been set from the network. */
const TIMESYNC_MARK = "timesync/synchronized";
/** There when systemd manages the machine; without it nobody can say whether the clock is right. */
const SYSTEMD_MARK = "system";
/** How long the answer may take, in milliseconds. */
const ASK_LIMIT_MS = 5000;

export interface ClockQuestion {
  /** The clock has jumped: that it was set once proves nothing any more. */
  hasJumped?: boolean;
  /** Unix milliseconds. */
  nowMs?: number;
  marks?: string;
  timedatectl?: string;
  limitMs?: number;
}

/**
 * Why the wall clock is not known to be right; undefined when it is. A machine without systemd or `timedatectl` has no
 * way to tell, and its clock counts as right. An answer that could not be had is none: the question is asked again.
 *
 * Source: `timedatectl` reports the kernel's `adjtimex` state, whoever (timesyncd, chrony, ntpd) keeps the clock.
 */
export async function clockDoubt(
  {
    hasJumped = false,
    nowMs = Date.now(),
    marks = "/run/systemd",
    timedatectl = "timedatectl",
    limitMs = ASK_LIMIT_MS,
  }: ClockQuestion = {},
): Promise<string | undefined> {
  if (nowMs < EARLIEST_MS) return `it is ${new Date(nowMs).toISOString()}, which cannot be`;
  try {
    if (!hasJumped && exists(join(marks, TIMESYNC_MARK))) return undefined;
    if (!exists(join(marks, SYSTEMD_MARK))) return undefined;
    return await askTimedatectl(timedatectl, limitMs);
  } catch (error) {
    return sentenceOf(error);
  }
}

async function askTimedatectl(program: string, limitMs: number): Promise<string | undefined> {
  const child = start(program);
  if (child === undefined) return undefined;
  const ended = await withLimit(child.output(), limitMs, undefined);
  if (ended === undefined) {
    child.kill("SIGKILL");
    return `timedatectl did not answer within ${limitMs / 1000} s`;
  }
  const [answer, complaint] = [ended.stdout, ended.stderr].map((bytes) =>
    new TextDecoder().decode(bytes).trim()
  );
  if (!ended.success) return `timedatectl failed with ${ended.signal ?? ended.code}: ${complaint}`;
  if (answer === "yes") return undefined;
  return answer === "no" ? "no time server has set it yet" : `timedatectl says "${answer}"`;
}

/** Undefined where there is no such program. */
function start(program: string): Deno.ChildProcess | undefined {
  try {
    const args = ["show", "--property=NTPSynchronized", "--value"];
    return new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The kernel's boot, and how long ago it was, in milliseconds. */
export function bootFacts(): { id: string; uptimeMs: number } {
  try {
    const id = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
    const [seconds] = Deno.readTextFileSync("/proc/uptime").split(" ");
    return { id, uptimeMs: Number(seconds) * 1000 };
  } catch { // not Linux: one boot is not known from another, but one process is
    return { id: `process ${performance.timeOrigin}`, uptimeMs: Deno.osUptime() * 1000 };
  }
}

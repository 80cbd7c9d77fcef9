// Runs in: main thread.
import { join } from "@std/path";
import { exists } from "./paths.ts";

/** Touched by systemd-timesyncd once the clock has been set from the network. */
const TIMESYNC_MARK = "timesync/synchronized";
/** There when systemd manages the machine; without it nobody can say whether the clock is right. */
const SYSTEMD_MARK = "system";

/**
 * Whether the wall clock is known to be right. A machine that has no way to tell counts as right.
 *
 * Source: `timedatectl` reports the kernel's `adjtimex` state, whoever (timesyncd, chrony, ntpd) keeps the clock.
 */
export async function clockIsTrusted(
  { marks = "/run/systemd", timedatectl = "timedatectl" } = {},
): Promise<boolean> {
  if (exists(join(marks, TIMESYNC_MARK))) return true;
  if (!exists(join(marks, SYSTEMD_MARK))) return true;
  try {
    const { code, stdout } = await new Deno.Command(timedatectl, {
      args: ["show", "--property=NTPSynchronized", "--value"],
      stdin: "null",
      stderr: "null",
    }).output();
    return code !== 0 || new TextDecoder().decode(stdout).trim() !== "no";
  } catch {
    return true; // no timedatectl
  }
}

/** The kernel's boot, and how long ago it was, in milliseconds. */
export function bootFacts(): { id: string; uptimeMs: number } {
  try {
    const id = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
    const [seconds] = Deno.readTextFileSync("/proc/uptime").split(" ");
    return { id, uptimeMs: Number(seconds) * 1000 };
  } catch {
    return { id: "unknown", uptimeMs: Deno.osUptime() * 1000 }; // not Linux
  }
}

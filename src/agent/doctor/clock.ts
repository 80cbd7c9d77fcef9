// Runs in: main thread.
import { EARLIEST_MS } from "../clock_trust.ts";
import { fault, type Finding, fine, type Surroundings, warn } from "./finding.ts";

export interface ClockFacts {
  nowMs: number;
  /** Whether something keeps the clock right; null where nobody can say. */
  isSynchronized: boolean | null;
  /** By its name, such as `Europe/Berlin`. */
  timeZone: string;
}

export async function clockFacts({ ask, read }: Surroundings, nowMs: number): Promise<ClockFacts> {
  const answer = await ask(["timedatectl", "show", "--property=NTPSynchronized", "--value"]);
  const link = await ask(["readlink", "/etc/localtime"]);
  const [, linked] = /zoneinfo\/(.+)/.exec(link ?? "") ?? [];
  return {
    nowMs,
    isSynchronized: answer === undefined ? await askChrony(ask) : answer.trim() === "yes",
    timeZone: linked?.trim() ?? (read("/etc/timezone")?.trim() || "UTC"),
  };
}

export function judgeClock({ nowMs, isSynchronized, timeZone }: ClockFacts): Finding[] {
  return [judgeTime(nowMs, isSynchronized), judgeZone(timeZone)];
}

function judgeTime(nowMs: number, isSynchronized: boolean | null): Finding {
  const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  const advice =
    "connect it to a time server: sudo timedatectl set-ntp true, then timedatectl timesync-status";
  if (nowMs < EARLIEST_MS) return fault("clock", `it is ${now}, which cannot be`, advice);
  if (isSynchronized === true) return fine("clock", `it is ${now}, synchronized`);
  if (isSynchronized === false) return fault("clock", `it is ${now}, and nothing keeps it right`, advice);
  return warn(
    "clock",
    `it is ${now}; whether that is right, this machine cannot say`,
    "compare it with yours",
  );
}

function judgeZone(timeZone: string): Finding {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return fine("time zone", `${timeZone}; Ivy itself writes UTC everywhere`);
  } catch {
    return fault("time zone", `"${timeZone}" is none`, "set one: sudo timedatectl set-timezone UTC");
  }
}

async function askChrony(ask: Surroundings["ask"]): Promise<boolean | null> {
  const answer = await ask(["chronyc", "tracking"]);
  return answer === undefined ? null : /Leap status\s*: Normal/.test(answer);
}

// Runs in: tests, main thread of a process whose system calls fail.
import { FIRST_LIFE, live, WORKLOAD } from "./workload.ts";

// Runs a workload in one thread, so that its system calls come in the same order each time. Says what was promised on
// stdout, each line at once. Arguments: the data folder, `whole` or `first`, the days of retention
// or `null`, and how long a phase may take in milliseconds.
const [directory, which, days, patience] = Deno.args as [string, string, string, string];
const retentionDays = days === "null" ? null : Number(days);

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

// The store tries again what a full disk has refused after five seconds; here it does after five milliseconds.
const later = globalThis.setTimeout;
globalThis.setTimeout =
  ((act: () => void, delayMs: number) => later(act, delayMs === 5000 ? 5 : delayMs)) as typeof setTimeout;

try {
  for (const phase of which === "first" ? FIRST_LIFE : WORKLOAD) {
    await live(phase, { directory, retentionDays, patienceMs: Number(patience), say });
  }
  say("done");
} catch (error) {
  say(`log FAILED ${error}`);
  Deno.exit(3); // the store's thread has ended; whoever supervises it starts the next
}

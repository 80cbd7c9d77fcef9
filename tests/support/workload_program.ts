// Runs in: tests, main thread of a process whose system calls fail.
import { FIRST_LIFE, live, WORKLOAD } from "./workload.ts";

// Runs a workload in one thread, so that its system calls come in the same order each time. Says what was promised on
// stdout, each line at once. Arguments: the data folder, and `whole` or `first`.
const [directory, which] = Deno.args as [string, string];

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

try {
  for (const phase of which === "first" ? FIRST_LIFE : WORKLOAD) await live(phase, { directory, say });
  say("done");
} catch (error) {
  say(`log FAILED ${error}`);
  Deno.exit(3); // the store's thread has ended; whoever supervises it starts the next
}

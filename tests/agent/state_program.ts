// Runs in: tests, a process of its own that is killed.
import { testFields } from "./state_fields.ts";
import { StateLife } from "./state_node.ts";

/**
 * Changes the state as often as it can, until somebody kills it. First it prints what it has found, as one line of JSON.
 *
 * Usage: state_program.ts FILE SAVE_INTERVAL_MS
 */
const [path, saveIntervalMs] = Deno.args;
const life = await StateLife.start(path!, testFields, Number(saveIntervalMs));
const found = JSON.stringify({ state: life.state, said: life.said });
Deno.stdout.writeSync(new TextEncoder().encode(`${found}\n`));

for (;;) {
  const now = Date.now();
  await life.replica.update((draft) => {
    draft.total = now;
    draft.parts = { "the same": now };
    draft.note = "x".repeat(now % 20_000);
  });
  await new Promise((resolve) => setTimeout(resolve, 2));
}

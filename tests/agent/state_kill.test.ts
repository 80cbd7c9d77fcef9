// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { GrowingText } from "../support/growing_text.ts";
import type { testFields } from "./state_fields.ts";
import type { StateOf } from "../../src/shared/state_fields.ts";
import { withStateFile } from "./state_node.ts";

const PROGRAM = fromFileUrl(new URL("./state_program.ts", import.meta.url));

/** One life of the program on a state file: from its start to its kill. */
class Life {
  readonly found: StateOf<typeof testFields>;
  #child: Deno.ChildProcess;
  #ended: Promise<void>;

  private constructor(child: Deno.ChildProcess, found: StateOf<typeof testFields>, ended: Promise<void>) {
    this.#child = child;
    this.found = found;
    this.#ended = ended;
  }

  /** @throws when the program finds anything to complain about. */
  static async start(path: string, saveIntervalMs: number): Promise<Life> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-check", PROGRAM, path, String(saveIntervalMs)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = new GrowingText(child.stdout);
    const [line] = await output.until(/^.*\n/);
    const { state, said } = JSON.parse(line);
    assertEquals(said, []);
    assertEquals(state.parts["the same"] ?? 0, state.total, "half of an update was saved");
    return new Life(child, state, output.ended);
  }

  /** @returns when it was killed, in Unix milliseconds. */
  async killAfter(lifeMs: number): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, lifeMs)); // its lifetime: the moment of the kill is random
    const killedMs = Date.now();
    this.#child.kill("SIGKILL");
    await Promise.all([this.#child.status, this.#ended]);
    return killedMs;
  }
}

/** Kills one life after the other on the same file; what each finds, its predecessor must have left. */
async function killInARow(
  options: { kills: number; saveIntervalMs: number; lifeMs: () => number; oldestMs: number },
) {
  await withStateFile(async (path) => {
    let [lastTotal, killedMs, livedMs] = [0, 0, 0];
    for (let kill = 0; kill <= options.kills; kill++) {
      const life = await Life.start(path, options.saveIntervalMs);
      assert(life.found.total >= lastTotal, "an older state than the one before");
      const wasLongEnough = livedMs > options.oldestMs;
      if (wasLongEnough) {
        assert(killedMs - life.found.total <= options.oldestMs, `${killedMs - life.found.total} ms old`);
      }
      lastTotal = life.found.total;
      livedMs = options.lifeMs();
      killedMs = await life.killAfter(livedMs);
    }
  });
}

Deno.test("fault 2 of Python Ivy: killed 80 times while it saves, the state is there whole each time", async () => {
  // Saved all the time, so that kills hit a commit.
  const row = { kills: 20, saveIntervalMs: 1, lifeMs: () => 20 + Math.random() * 130, oldestMs: 500 };
  await Promise.all([row, row, row, row].map(killInARow));
});

Deno.test("fault 2 of Python Ivy: killed 20 times, the state found is never older than two seconds", async () => {
  const row = { kills: 2, saveIntervalMs: 1000, lifeMs: () => 2100 + Math.random() * 1000, oldestMs: 2000 };
  await Promise.all(Array.from({ length: 10 }, () => killInARow(row)));
});

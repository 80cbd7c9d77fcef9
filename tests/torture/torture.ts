// Runs in: tests.
import * as fc from "fast-check";
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { compiledIvy } from "../support/binary.ts";
import { needs } from "../support/needs.ts";
import { mayMount } from "../support/small_disk.ts";
import type { Program } from "../support/program.ts";
import { type Sequence, sequences, Step } from "./operation.ts";
import { clock } from "./operations/clock.ts";
import { commands } from "./operations/commands.ts";
import { configuration } from "./operations/configuration.ts";
import { disk } from "./operations/disk.ts";
import { files } from "./operations/files.ts";
import { processes } from "./operations/processes.ts";
import { servers } from "./operations/servers.ts";
import { workers } from "./operations/workers.ts";
import { PROVIDERS } from "./recorders.ts";
import { World, type WorldOptions } from "./world.ts";

const HELP = `Drives a whole node through what happens in years, and judges after each step what was promised.

Usage: deno task torture [options]

  --seed N       where to begin (default: drawn); a run that fails prints the seed that repeats it
  --minutes M    how long to go on (default: 3)
  --steps N      how many steps a node lives at most (default: 50)
  --binary       a compiled agent instead of the sources

Example: deno task torture --seed 7 --minutes 10
`;

const OPERATIONS = [processes, configuration, servers, workers, files, disk, clock, commands].flat();
/** How long to look for a shorter sequence that still fails, in milliseconds. */
const SHRINK_MS = 600_000;

interface Options {
  seed: number;
  minutes: number;
  maxSteps: number;
  program: Program;
}

/** @returns whether nothing was found */
async function torture({ seed, minutes, maxSteps, program }: Options): Promise<boolean> {
  const canMount = mayMount();
  needs("faketime"); // says what is missing
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  const totals = { nodes: 0, messages: 0 };
  const live = async (options: Omit<WorldOptions, "program" | "canMount">, sequence: Sequence) => {
    await using world = await World.start({ ...options, program, canMount });
    try {
      await fc.asyncModelRun(() => ({ model: {}, real: world }), sequence);
      await world.finish();
    } finally {
      totals.nodes++;
      totals.messages += world.oracle.resolved.size;
    }
  };
  for (let run = 0; elapsedMs() < minutes * 60_000; run++) {
    const property = fc.asyncProperty(
      fc.record({
        providers: fc.shuffledSubarray([...PROVIDERS], { minLength: 1, maxLength: 2 }),
        isLinked: fc.boolean(),
      }),
      sequences(OPERATIONS, maxSteps),
      (options, sequence) => live(options, sequence),
    );
    const result = await fc.check(property, {
      seed: seed + run,
      numRuns: 1,
      unbiased: true,
      interruptAfterTimeLimit: SHRINK_MS,
    });
    const count = `${Step.count} operations, ${totals.messages} messages, ${totals.nodes} nodes in ${
      Math.round(elapsedMs() / 1000)
    } s`;
    if (result.failed) {
      say(`seed ${seed + run}: ${messageOf(result.errorInstance)}\n`);
      say(`the shortest sequence found:\n  ${fc.stringify(result.counterexample)}\n`);
      say(`FAILED with --seed ${seed + run} after ${count}`);
      return false;
    }
    say(`seed ${seed + run}: nothing found; ${count}`);
  }
  return true;
}

/** A fault is told first, then what went wrong while the node was taken away. */
function messageOf(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${messageOf(error.suppressed)}\nand then: ${messageOf(error.error)}`;
  }
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const given = parseArgs(Deno.args, { string: ["seed", "minutes", "steps"], boolean: ["binary", "help"] });
  if (given.help) say(HELP.trimEnd());
  else {
    const entry = fromFileUrl(import.meta.resolve("./torture_main.ts"));
    const isFine = await torture({
      seed: Number(given.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1),
      minutes: Number(given.minutes ?? 3),
      maxSteps: Number(given.steps ?? 50),
      program: given.binary
        ? [await compiledIvy({ entry })]
        : [Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-all", entry],
    });
    Deno.exitCode = isFine ? 0 : 1;
  }
}

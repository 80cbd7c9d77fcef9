// Runs in: tests.
import * as fc from "fast-check";
import type { World } from "./world.ts";

/** Something that happens to a node in its years, with all that may be drawn for it. */
export interface Operation {
  weight: number;
  arbitrary: fc.Arbitrary<Step>;
}

interface Definition<T> {
  name: string;
  /** How often it is drawn, compared with others; default 1. */
  weight?: number;
  arbitrary: fc.Arbitrary<T>;
  /** Whether it can happen now; default: whenever the agent runs. */
  isPossible?: (world: World) => boolean;
  run: (world: World, drawn: T) => Promise<void>;
}

export function operation<T>(definition: Definition<T>): Operation {
  const { name, weight = 1, isPossible = ({ agent }) => agent !== undefined, run } = definition;
  const arbitrary = definition.arbitrary.map((drawn) => {
    const text = drawn === undefined ? name : `${name} ${JSON.stringify(drawn)}`;
    return new Step(text, isPossible, (world) => run(world, drawn));
  });
  return { weight, arbitrary };
}

/** An operation as drawn, with what is judged after it. */
export class Step implements fc.AsyncCommand<object, World> {
  /** How many have been taken. */
  static count = 0;
  #text: string;
  #isPossible: (world: World) => boolean;
  #run: (world: World) => Promise<void>;

  constructor(text: string, isPossible: (world: World) => boolean, run: (world: World) => Promise<void>) {
    this.#text = text;
    this.#isPossible = isPossible;
    this.#run = run;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, world: World): Promise<void> {
    if (!this.#isPossible(world)) return;
    Step.count++;
    world.tell(this.#text);
    await this.#run(world);
    await world.check();
  }

  toString(): string {
    return this.#text;
  }
}

export type Sequence = Iterable<fc.AsyncCommand<object, World>>;

/** What is drawn from for a sequence of steps. */
export function sequences(operations: Operation[], maxSteps: number): fc.Arbitrary<Sequence> {
  const weighted = operations.flatMap(({ weight, arbitrary }) =>
    Array.from({ length: weight }, () => arbitrary)
  );
  return fc.commands(weighted, { maxCommands: maxSteps, size: "max" });
}

/** For operations that draw nothing. */
export const nothing: fc.Arbitrary<undefined> = fc.constant(undefined);

/** Milliseconds that a trouble lasts. */
export const lasting: fc.Arbitrary<number> = fc.integer({ min: 50, max: 1500 });

/** Time passes: that is what the operation is about. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

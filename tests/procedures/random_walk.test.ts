// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { nextStep } from "../../procedures/random_walk.ts";
import randomWalk from "../../procedures/random_walk.ts";
import { runProcedure } from "../support/run_procedure.ts";

Deno.test("fault 14 of Python Ivy: the walk takes steps of at most 0.1, stays within -1 and 1, and never jumps", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const place = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(fc.property(place, random, (from, draw) => {
    const to = nextStep(from, () => draw);
    assert(to >= -1 && to <= 1, `${to}`);
    assert(Math.abs(to - from) <= 0.1 + 1e-12, `from ${from} to ${to}`);
  }));
});

Deno.test("fault 14 of Python Ivy: the walk really walks, up and down and through the whole range", () => {
  const places: number[] = [0];
  for (let step = 0; step < 100_000; step++) places.push(nextStep(places.at(-1)!, Math.random));
  const steps = places.slice(1).map((to, index) => to - places[index]!);
  const share = steps.filter((step) => step > 0).length / steps.length;
  assert(share > 0.45 && share < 0.55, `${share} of the steps lead up`);
  assert(Math.max(...places) > 0.9 && Math.min(...places) < -0.9);
  assert(places.filter((place) => Math.abs(place) < 0.5).length > 10_000);
  assert(new Set(places).size > 90_000);
});

Deno.test("it measures at each tick, and pauses while the machine is overloaded", async () => {
  const { data, logs } = await runProcedure(randomWalk, {
    config: { seconds_between_datapoints: 1 },
    states: [{ overloaded: false }, { overloaded: true }, { overloaded: true }, { overloaded: false }],
  });
  assertEquals(data.length, 2);
  assert(data.every(({ random_value }) => typeof random_value === "number" && Math.abs(random_value) <= 0.2));
  assertEquals(logs, ["INFO pausing: the machine is overloaded", "INFO going on"]);
});

Deno.test("its settings are strict", () => {
  assertEquals(randomWalk.config.safeParse({ seconds_between_datapoints: 10 }).success, true);
  for (const bad of [{}, { seconds_between_datapoints: 0 }, { seconds_between_datapoints: 10, x: 1 }]) {
    assertEquals(randomWalk.config.safeParse(bad).success, false);
  }
});

// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { CommandError } from "../../src/agent/errors.ts";
import { leavesOf, showValue, valueAt } from "../../src/cli/state_path.ts";

const state = {
  ups: { on_battery: true, note: "two words" },
  readings: [{ celsius: 21.5 }, { celsius: null }],
  labels: [],
  overloaded: false,
};

const FOUND: [path: string | undefined, value: unknown][] = [
  [undefined, state],
  ["ups", state.ups],
  ["ups.on_battery", true],
  ["readings[1]", { celsius: null }],
  ["readings[0].celsius", 21.5],
  ["readings.0.celsius", 21.5],
];

for (const [path, value] of FOUND) {
  Deno.test(`the state's path ${path} is found`, () => assertEquals(valueAt(state, path), value));
}

const NOT_FOUND: [path: string, message: string][] = [
  ["usp", 'the state has no "usp" (did you mean "ups"?); it has ups, readings, labels, overloaded'],
  ["ups.on_batery", 'ups has no "on_batery" (did you mean "on_battery"?); it has on_battery, note'],
  ["readings[2]", 'readings has no "2"; it is a list of 2'],
  ["ups.note.length", 'ups.note has no "length"; it has "two words"'],
  ["constructor", 'the state has no "constructor"; it has ups, readings, labels, overloaded'],
];

for (const [path, message] of NOT_FOUND) {
  Deno.test(`the state's path ${path} is refused with what there is`, () => {
    assertEquals(assertThrows(() => valueAt(state, path), CommandError).message, message);
  });
}

Deno.test("a value is shown by its leaves, each with its path; a single one alone", () => {
  assertEquals(leavesOf(state), [
    ["ups.on_battery", "true"],
    ["ups.note", "two words"],
    ["readings[0].celsius", "21.5"],
    ["readings[1].celsius", "null"],
    ["labels", "[]"],
    ["overloaded", "false"],
  ]);
  assertEquals(showValue(true, "ups.on_battery"), ["true"]);
  assertEquals(showValue(state.ups, "ups"), ["ups.on_battery  true", "ups.note        two words"]);
});

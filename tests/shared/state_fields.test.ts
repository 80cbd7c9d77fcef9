// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import * as z from "zod";
import { defaultTexts, encodeField, isVolatile, volatile } from "../../src/shared/state_fields.ts";
import { stateFields } from "../../src/shared/state.ts";

const sensor = z.strictObject({
  celsius: z.number().min(-50).max(60).nullable(),
  labels: z.array(z.string()).default([]),
  more: z.any().optional(),
}).default({ celsius: null, labels: [] });

const itself: Record<string, unknown> = {};
itself["me"] = [itself];
let deep: unknown = 1;
for (let level = 0; level < 100; level++) deep = [deep];

const REFUSED: { name: string; value: unknown; reason: string }[] = [
  {
    name: "a value outside its range",
    value: { celsius: 61 },
    reason: "sensor.celsius: expected a number from -50 to 60 or null, got 61",
  },
  {
    name: "a value of another type",
    value: { celsius: "21" },
    reason: 'sensor.celsius: expected a number from -50 to 60 or null, got "21"',
  },
  {
    name: "a missing value",
    value: {},
    reason: "sensor.celsius: expected a number from -50 to 60 or null, got nothing",
  },
  {
    name: "a misspelt key",
    value: { celsius: 1, label: [] },
    reason: 'sensor: unknown key "label" (did you mean "labels"?)',
  },
  {
    name: "several faults at once",
    value: { celsius: 61, labels: [1] },
    reason:
      "sensor.celsius: expected a number from -50 to 60 or null, got 61; sensor.labels[0]: expected text, got 1",
  },
  { name: "NaN", value: { celsius: NaN }, reason: "sensor.celsius: expected a finite number, got NaN" },
  {
    name: "Infinity",
    value: { celsius: 1, more: [-Infinity] },
    reason: "sensor.more[0]: expected a finite number, got -Infinity",
  },
  {
    name: "a function",
    value: { celsius: 1, more: () => 1 },
    reason: "sensor.more: expected plain data, got a function",
  },
  {
    name: "a symbol",
    value: { celsius: 1, more: Symbol("x") },
    reason: "sensor.more: expected plain data, got a symbol",
  },
  {
    name: "a bigint",
    value: { celsius: 1, more: 1n },
    reason: "sensor.more: expected plain data, got a bigint",
  },
  {
    name: "a promise",
    value: { celsius: Promise.resolve(1) },
    reason: "sensor.celsius: expected plain data, got a Promise; await it before the update",
  },
  {
    name: "a date",
    value: { celsius: 1, more: new Date(0) },
    reason: "sensor.more: expected plain data, got a Date",
  },
  {
    name: "a map",
    value: { celsius: 1, more: new Map() },
    reason: "sensor.more: expected plain data, got a Map",
  },
  {
    name: "a value that contains itself",
    value: { celsius: 1, more: itself },
    reason: "sensor.more.me[0]: contains itself",
  },
  {
    name: "a value without an end",
    value: { celsius: 1, more: deep },
    reason: `sensor.more${"[0]".repeat(63)}: is nested deeper than 64 levels`,
  },
];

for (const { name, value, reason } of REFUSED) {
  Deno.test(`a state field refuses ${name}, with path and reason`, () => {
    const error = assertThrows(() => encodeField("sensor", sensor, value), TypeError);
    assertEquals(error.message, reason);
  });
}

Deno.test("a value that stands twice in a field, but not in itself, is fine", () => {
  const twice = { a: 1 };
  assertEquals(
    encodeField("sensor", sensor, { celsius: 1, more: [twice, twice] }),
    '{"celsius":1,"labels":[],"more":[{"a":1},{"a":1}]}',
  );
});

Deno.test("defaults stand in for what is missing", () => {
  assertEquals(encodeField("sensor", sensor, { celsius: 21.5 }), '{"celsius":21.5,"labels":[]}');
  assertEquals(encodeField("sensor", sensor, undefined), '{"celsius":null,"labels":[]}');
});

Deno.test("a field may weigh 64 KiB as JSON in UTF-8, and not a byte more", () => {
  const text = z.string().default("");
  const quotes = 2;
  assertEquals(encodeField("note", text, "x".repeat(65_536 - quotes)).length, 65_536);
  const long = assertThrows(() => encodeField("note", text, "x".repeat(65_537 - quotes)), TypeError);
  assertEquals(long.message, "note: weighs 65537 bytes, but may weigh 65536");
  const wide = assertThrows(() => encodeField("note", text, "é".repeat(32_768)), TypeError);
  assertEquals(wide.message, "note: weighs 65538 bytes, but may weigh 65536");
});

Deno.test("what is encoded comes back the same: any plain data", () => {
  const anything = z.any().default(null);
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
    const plain = JSON.parse(JSON.stringify(value)); // -0 is 0 in JSON
    assertEquals(JSON.parse(encodeField("any", anything, value)), plain);
  }));
});

Deno.test("the fields that ship have defaults that fit their own schema, and a volatile one", () => {
  for (const [name, text] of Object.entries(defaultTexts(stateFields))) {
    const schema = stateFields[name as keyof typeof stateFields];
    assertEquals(encodeField(name, schema, JSON.parse(text)), text);
  }
  assertEquals(isVolatile(stateFields.overloaded), true);
  assertEquals(isVolatile(stateFields.system), false);
});

Deno.test("marking a field volatile leaves it otherwise as it was", () => {
  const marked = volatile(z.int().min(0).default(3));
  assertEquals([isVolatile(marked), encodeField("n", marked, undefined)], [true, "3"]);
  assertThrows(() => encodeField("n", marked, -1), TypeError, "n: expected an integer of at least 0, got -1");
});

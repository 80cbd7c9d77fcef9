// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  encodeBody,
  encodeData,
  type Level,
  levelRank,
  LEVELS,
  MAX_MESSAGE_LENGTH,
} from "../../src/shared/message.ts";

Deno.test("any flat measurement of numbers, texts and truths is stored as it is", () => {
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), fc.boolean());
  const key = fc.string({ minLength: 1 }).filter((text) =>
    !["logging", "configuration", "__proto__"].includes(text)
  );
  fc.assert(fc.property(fc.dictionary(key, value, { minKeys: 1 }), (data) => {
    const parsed = JSON.parse(encodeData(data));
    assertEquals(parsed.variant, "data");
    assertEquals(parsed.data, JSON.parse(JSON.stringify(data)));
  }));
});

/** What cannot be stored, and why. */
const REFUSED: { data: unknown; reason: string }[] = [
  { data: {}, reason: "it has no keys" },
  { data: null, reason: "expected an object of keys and values" },
  { data: [1], reason: "expected an object of keys and values" },
  { data: 5, reason: "expected an object of keys and values" },
  { data: { "": 1 }, reason: "a key is empty" },
  { data: { logging: 1 }, reason: 'the key "logging" is reserved' },
  { data: { configuration: 1 }, reason: 'the key "configuration" is reserved' },
  { data: { co2: NaN }, reason: '"co2" is NaN, not a finite number' },
  { data: { co2: -Infinity }, reason: '"co2" is -Infinity, not a finite number' },
  { data: { co2: null }, reason: '"co2" is null, allowed are number, string and boolean' },
  { data: { co2: undefined }, reason: '"co2" is undefined, allowed are number, string and boolean' },
  { data: { co2: { ppm: 1 } }, reason: '"co2" is object, allowed are number, string and boolean' },
  { data: { co2: 5n }, reason: '"co2" is bigint, allowed are number, string and boolean' },
  {
    data: { a: NaN, b: null },
    reason: '"a" is NaN, not a finite number; "b" is null, allowed are number, string and boolean',
  },
];

for (const { data, reason } of REFUSED) {
  Deno.test(`a measurement that cannot be stored is refused whole: ${reason}`, () => {
    const { message } = assertThrows(() => encodeData(data as never), TypeError);
    assertEquals(message, `measurement refused: ${reason}`);
  });
}

Deno.test("a message may have 1 MiB, not more", () => {
  const body = (length: number) =>
    ({ variant: "log", level: "INFO", subject: "", body: "x".repeat(length) }) as const;
  const frame = encodeBody(body(0)).length;
  assertEquals(encodeBody(body(MAX_MESSAGE_LENGTH - frame)).length, MAX_MESSAGE_LENGTH);
  assertThrows(
    () => encodeBody(body(MAX_MESSAGE_LENGTH - frame + 1)),
    RangeError,
    "is over the limit of 1048576",
  );
});

Deno.test("levels rise from DEBUG to EXCEPTION", () => {
  const ranks = (["DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION"] satisfies Level[]).map(levelRank);
  assertEquals(ranks, [0, 1, 2, 3, 4]);
  assertEquals(LEVELS.length, 5);
});

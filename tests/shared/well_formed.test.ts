// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { wellFormed, wellFormedJson } from "../../src/shared/well_formed.ts";
import { badText, isClean } from "../support/bad_texts.ts";

Deno.test("NUL and halves of surrogate pairs become U+FFFD, everything else stays", () => {
  assertEquals(wellFormed("a\0b\uD83Dc\uDE00d\u{1F600}\u0001"), "a\uFFFDb\uFFFDc\uFFFDd\u{1F600}\u0001");
  assertEquals(wellFormed({ "k\0": ["\uD800", 1, null, true, { a: "\0" }] }), {
    "k\uFFFD": ["\uFFFD", 1, null, true, { a: "\uFFFD" }],
  });
});

Deno.test("keys that differ in what is replaced stay distinct, and none takes the place of a good one", () => {
  const entries = [["a\0", 1], ["a\uD800", 2], ["a\uFFFD", 3], ["b", 4]];
  assertEquals(wellFormed(Object.fromEntries(entries)), {
    "a\uFFFD\uFFFD": 1,
    "a\uFFFD\uFFFD\uFFFD": 2,
    "a\uFFFD": 3,
    b: 4,
  });
});

Deno.test("texts that only look like escapes are left alone, and so are numbers", () => {
  for (const value of ["\\u0000", "\\\\ud800", { n: 0.1, m: 1e300, "\\udfff": -0.5 }]) {
    assertEquals(wellFormedJson(JSON.stringify(value)), JSON.stringify(value));
  }
});

Deno.test("whatever is in a value, its JSON text is clean; what was clean is unchanged", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.dictionary(badText, badText), (value, texts) => {
    const json = JSON.stringify({ value, texts });
    const made = wellFormedJson(json);
    assert(isClean(made), made);
    assertEquals(Object.keys(JSON.parse(made).texts).length, Object.keys(JSON.parse(json).texts).length);
    if (isClean(json)) assertEquals(JSON.parse(made), JSON.parse(json));
    assertEquals(wellFormedJson(made), made);
  }));
});

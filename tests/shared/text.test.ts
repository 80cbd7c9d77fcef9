// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cutText, endOfText, firstCharacters } from "../../src/shared/text.ts";

Deno.test("a text is cut between characters, at its end and at its start", () => {
  assertEquals([cutText("a😀b", 2), cutText("a😀b", 3), cutText("😀😀", 1)], ["a", "a😀", ""]);
  assertEquals([endOfText("a😀b", 2), endOfText("a😀b", 3), endOfText("abc", 5)], ["b", "😀b", "abc"]);
  assertEquals([cutText("abc", 0), endOfText("abc", 0)], ["", ""]);
  assertEquals([firstCharacters("a😀b", 2), firstCharacters("😀😀", 1)], ["a😀", "😀"]);
});

Deno.test("a cut text is as long as it may be, and has no half characters that were not there", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, most) => {
    const most1 = [most, most - 1];
    for (const cut of [cutText(text, most), endOfText(text, most)]) {
      assert(cut.isWellFormed());
      assert(cut === text || most1.includes(cut.length), `${cut.length}`);
    }
    assert(text.startsWith(cutText(text, most)) && text.endsWith(endOfText(text, most)));
    assertEquals(firstCharacters(text, most), [...text].slice(0, most).join(""));
  }));
});

// Runs in: tests.
import { assertEquals } from "@std/assert";
import { visibleText as inLogs } from "../../src/shared/text.ts";
import { visibleText as onThePage } from "../../src/web/visible_text.js";

Deno.test("the page shows every character as the logs do, but for the ends of lines", () => {
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    assertEquals(onThePage(character), character === "\n" ? "\n" : inLogs(character));
  }
});

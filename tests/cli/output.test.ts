// Runs in: tests.
import { assertEquals } from "@std/assert";
import { alignColumns } from "../../src/cli/output.ts";

Deno.test("columns are aligned by what is seen: colours have no width, letters beyond ASCII have one", () => {
  assertEquals(
    alignColumns([["NAME", "STATE", ""], ["\x1b[1mpump\x1b[22m", "ok", "x"], ["öfen", "running", "y"]]),
    [
      "NAME  STATE    ",
      "\x1b[1mpump\x1b[22m  ok       x",
      "öfen  running  y",
    ],
  );
  assertEquals(alignColumns([]), []);
});

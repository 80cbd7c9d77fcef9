// Runs in: tests.
import { assertEquals } from "@std/assert";
import { createProgress } from "../../src/cli/progress.ts";

function show(isTerminal: boolean, total: number): string {
  let text = "";
  const screen = {
    isTerminal: () => isTerminal,
    writeSync: (bytes: Uint8Array) => (text += new TextDecoder().decode(bytes)).length,
  };
  const progress = createProgress("exporting", total, screen);
  progress.show(1);
  progress.end();
  return text;
}

Deno.test("a terminal sees how far long work has come, and nothing of it afterwards", () => {
  const [, bar, erased] = show(true, 2).split("\r");
  assertEquals(bar, `exporting [${"█".repeat(15)}${" ".repeat(15)}] 1/2 days`);
  assertEquals(erased!.trim(), "");
  assertEquals(erased!.length >= bar!.length, true);
});

Deno.test("where nobody looks, or there is nothing to do, no progress is shown", () => {
  assertEquals([show(false, 2), show(true, 0)], ["", ""]);
});

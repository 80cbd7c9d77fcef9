// Runs in: tests.
import { assertEquals } from "@std/assert";
import { runCommand } from "../../src/build/command.ts";

const UNCAUGHT = import.meta.resolve("../../src/agent/uncaught.ts");

Deno.test("errors that nobody caught are told, and the main thread goes on", async () => {
  const program = `
    import { surviveUncaught } from "${UNCAUGHT}";
    surviveUncaught((error) => console.log("told", error instanceof Error ? error.message : error));
    void Promise.reject(new Error("a rejection"));
    setTimeout(() => { throw new Error("in a timer"); }, 1);
    setTimeout(() => { throw "no Error"; }, 2);
    setTimeout(() => console.log("goes on"), 50);
  `;
  const { stdout, success } = await runCommand([Deno.execPath(), "eval", program]);
  assertEquals(stdout, "told a rejection\ntold in a timer\ntold no Error\ngoes on\n");
  assertEquals(success, true);
});

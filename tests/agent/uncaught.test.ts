// Runs in: tests.
import { assertEquals } from "@std/assert";
import { runCommand } from "../../src/build/command.ts";
import { surviveUncaught } from "../../src/agent/uncaught.ts";

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

Deno.test("an error without an object is told by its words", () => {
  const scope = new EventTarget();
  const told: unknown[] = [];
  surviveUncaught((error) => told.push(error), scope);
  const event = new ErrorEvent("error", { message: "out of memory", error: null, cancelable: true });
  scope.dispatchEvent(event);
  const reason = new Error("nobody waited");
  const rejection = Object.assign(new Event("unhandledrejection", { cancelable: true }), { reason });
  scope.dispatchEvent(rejection);
  assertEquals([event.defaultPrevented, rejection.defaultPrevented, ...told], [
    true,
    true,
    "out of memory",
    reason,
  ]);
});

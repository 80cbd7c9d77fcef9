// Runs in: tests.
import { assertEquals } from "@std/assert";
import type { FromAnyWorker } from "../../src/shared/protocol.ts";
import { linkToMain, type WorkerScope } from "../../src/shared/worker_link.ts";

/** A worker's global scope, seen from outside. */
function fakeScope() {
  const sent: FromAnyWorker[] = [];
  const handlers = new Map<string, (event: never) => void>();
  const scope: WorkerScope = {
    postMessage: (message) => sent.push(message as FromAnyWorker),
    addEventListener: (type, handle) => handlers.set(type, handle),
  };
  const fire = (type: string, event: object) => {
    let isPrevented = false;
    handlers.get(type)!({ ...event, preventDefault: () => isPrevented = true } as never);
    return isPrevented;
  };
  return { scope, sent, fire };
}

Deno.test("errors and rejections that nobody caught are reported, once, after things were put in order", async () => {
  const { scope, sent, fire } = fakeScope();
  let isInOrder = false;
  const beforeFailing = async () => void (isInOrder = await Promise.resolve(true));
  linkToMain("pump", { scope, beforeFailing });
  assertEquals(
    fire("error", { error: new Error("first"), message: "" }),
    true,
    "it would end the whole process",
  );
  assertEquals(fire("unhandledrejection", { reason: new Error("second") }), true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(isInOrder, true);
  assertEquals(sent.map((message) => message.type === "failed" && message.error.message), ["first"]);
});

Deno.test("a failure while putting things in order hides neither itself nor the first one", async () => {
  const { scope, sent } = fakeScope();
  const link = linkToMain("pump", {
    scope,
    beforeFailing: () => Promise.reject(new Error("the valve is stuck")),
  });
  await link.fail("broken");
  const [log, failed] = sent;
  assertEquals(log?.type === "log" && [log.entry.level, log.entry.origin], ["EXCEPTION", "pump"]);
  assertEquals(log?.type === "log" && log.entry.details.split("\n")[0], "Error: the valve is stuck");
  assertEquals(failed?.type === "failed" && failed.error.message, "broken");
});

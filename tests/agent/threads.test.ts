// Runs in: tests.
import { assertEquals } from "@std/assert";
import { startThread, threadEnds } from "../../src/agent/threads.ts";

const IDLE = "data:application/javascript,setInterval(() => {}, 1000)";

Deno.test("a thread counts as ended when it is gone, and not when nobody can look", async () => {
  const { worker, threadName } = startThread(IDLE, { type: "module" });
  const { readDirSync } = Deno;
  let failures = 0;
  Deno.readDirSync = (path) => {
    if (failures++ < 5) throw new Error("Too many open files (os error 24)");
    return readDirSync(path);
  };
  try {
    worker.terminate();
    assertEquals(await threadEnds(threadName), true);
    assertEquals(failures > 5, true, "it was looked at until it could be seen");
  } finally {
    Deno.readDirSync = readDirSync;
  }
});

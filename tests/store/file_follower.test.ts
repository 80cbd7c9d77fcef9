// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { NOON_MS, TestStore } from "../support/test_store.ts";
import { until } from "../support/until.ts";

Deno.test("a daily file that cannot be written for a while: messages are safe meanwhile, and it has all of them afterwards", async () => {
  await using test = await new TestStore({ backends: ["far"] }).open();
  await test.send("data", "before");
  test.nowMs = NOON_MS + 86_400_000;
  const file = join(test.messagesFolder, "2026-06-16.jsonl");
  Deno.mkdirSync(file); // nothing can be written to a folder
  await test.send("data", "first", "second");
  await test.send("log", "third");
  const said = () => test.log.map(({ subject }) => subject);
  assertEquals(said(), ["the daily file could not be written; its lines wait in the outbox"]);
  assertEquals(
    test.store.request({ kind: "statistics" }).unsynced,
    4,
    "the line of before is not synced yet",
  );
  Deno.removeSync(file);
  await until("the file to be written", () => said().length === 2);
  assertEquals(said()[1], "the daily file can be written again; nothing is missing in it");
  await test.send("data", "fourth");
  assertEquals((await test.messages()).map(({ id }) => id), [1, 2, 3, 4, 5]);
  assertEquals(test.failures, []);
});

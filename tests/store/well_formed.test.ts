// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encode as encodeTenta } from "../../src/backends/tenta.ts";
import { messageText } from "../../src/backends/message_text.ts";
import type { Data } from "../../src/shared/message.ts";
import { MessageSender } from "../../src/shared/message_sender.ts";
import type { ProducerToStore } from "../../src/shared/protocol.ts";
import { badText, isClean } from "../support/bad_texts.ts";
import { bodyOf, TestStore } from "../support/test_store.ts";

/** A sender whose messages go to the store, as a worker's do. */
function senderTo(test: TestStore): MessageSender {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent) => {
    const { messages } = event.data as ProducerToStore;
    test.store.append({
      producer: { name: "p", generation: 1 },
      messages,
      answer: (a) => port1.postMessage(a),
    });
  };
  const sender = new MessageSender({ now: () => test.nowMs, onFailure: () => {} });
  sender.attach(port2);
  return sender;
}

Deno.test("whatever is measured, logged or configured, its line in the daily file is clean", async () => {
  await using test = await new TestStore().open({ backends: ["server"] });
  const sender = senderTo(test);
  const key = badText.filter((text) => text !== "" && text !== "__proto__");
  const measured: Data[] = [];
  for (const data of fc.sample(fc.dictionary(key, badText, { minKeys: 1 }), 200)) {
    await sender.data(data);
    measured.push(data);
  }
  await sender.log("ERROR", "noise \0\uD83D", "\uDE00");
  await sender.send({ variant: "config", status: "rejected", config: { "\0": "\uD83D" }, reason: "\0" });
  const lines = await test.lines();
  assertEquals(lines.length, measured.length + 2);
  for (const line of lines) assert(isClean(line), line);
  const bodies = (await test.messages()).map(({ message_body }) => message_body);
  assertEquals(
    bodies.flatMap((body) => body.variant === "data" ? [Object.keys(body.data).length] : []),
    measured.map((data) => Object.keys(data).length),
  );
  sender.attach(new MessageChannel().port2); // closes the way to the store
});

Deno.test("what version 0.1 stored as it came is made good on its way to a server", async () => {
  await using test = await new TestStore().open({ backends: ["server"] });
  await test.sendBody("log", bodyOf("log", "a\0b\uD83D"));
  const [leased] = test.store.lease("server", 1, 1_000_000);
  assert(leased!.body.includes("\\u0000"), "the outbox has it as it was stored");
  const written = encodeTenta(leased!, "SENSOR", { configRevision: -1, configuredMs: 0 });
  assertEquals(JSON.parse((written as { text: string }).text).message, "a\uFFFDb\uFFFD");
  assert(isClean(messageText(leased!)));
});

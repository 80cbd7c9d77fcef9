// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MAX_UNRESOLVED, MessageSender } from "../../src/shared/message_sender.ts";
import type { OutgoingMessage, ProducerToStore, StoreToProducer } from "../../src/shared/protocol.ts";

/** A store that takes messages and answers when told. */
function fakeStore(sender: MessageSender) {
  const { port1, port2 } = new MessageChannel();
  const received: OutgoingMessage[] = [];
  const batches: number[] = [];
  let onBatch = Promise.withResolvers<void>();
  port1.onmessage = ({ data }: MessageEvent<ProducerToStore>) => {
    batches.push(data.messages.length);
    received.push(...data.messages);
    onBatch.resolve();
    onBatch = Promise.withResolvers();
  };
  sender.attach(port2);
  return {
    received,
    batches,
    nextBatch: () => onBatch.promise,
    answer: (answer: StoreToProducer) => port1.postMessage(answer),
    [Symbol.dispose]: () => port1.close(),
  };
}

function newSender() {
  const failures: string[] = [];
  let nowMs = 1000;
  const sender = new MessageSender({
    now: () => nowMs++,
    onFailure: ({ message }) => failures.push(message),
  });
  return { sender, failures };
}

Deno.test("a promise resolves when the store has the message, and not before", async () => {
  const { sender } = newSender();
  using store = fakeStore(sender);
  let isResolved = false;
  const promise = sender.data({ co2: 400 }).then(() => isResolved = true);
  await store.nextBatch();
  assertEquals(store.received, [{
    sequence: 1,
    timeMs: 1000,
    variant: "data",
    body: '{"variant":"data","data":{"co2":400}}',
  }]);
  assertEquals([isResolved, sender.unresolved], [false, 1]);
  store.answer({ type: "appended", sequences: [1] });
  await promise;
  assertEquals(sender.unresolved, 0);
  await sender.settled();
});

Deno.test("messages of one turn travel together, in order; each carries its own time", async () => {
  const { sender } = newSender();
  using store = fakeStore(sender);
  for (let index = 0; index < 5; index++) void sender.data({ index });
  void sender.log("INFO", "hello");
  await store.nextBatch();
  assertEquals(store.batches, [6]);
  assertEquals(store.received.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6]);
  assertEquals(store.received.map(({ timeMs }) => timeMs), [1000, 1001, 1002, 1003, 1004, 1005]);
  assertEquals(JSON.parse(store.received[5]!.body), {
    variant: "log",
    level: "INFO",
    subject: "hello",
    body: "",
  });
});

Deno.test("a new store gets all that is unresolved, with the same numbers; the old one is not heard any more", async () => {
  const { sender, failures } = newSender();
  using first = fakeStore(sender);
  const promises = [1, 2, 3].map((value) => sender.data({ value }));
  await first.nextBatch();
  first.answer({ type: "appended", sequences: [1] });
  await promises[0];
  using second = fakeStore(sender);
  await second.nextBatch();
  assertEquals(second.received, first.received.slice(1));
  first.answer({ type: "refused", sequences: [2], reason: "it was replaced" });
  second.answer({ type: "appended", sequences: [2, 3] });
  await Promise.all(promises);
  assertEquals(failures, []);
});

Deno.test("without a store messages wait for one", async () => {
  const { sender } = newSender();
  const promise = sender.data({ early: true });
  using store = fakeStore(sender);
  await store.nextBatch();
  store.answer({ type: "appended", sequences: [1] });
  await promise;
});

Deno.test("1,000 messages may wait, the next is refused with advice, and there is room again after an answer", async () => {
  const { sender, failures } = newSender();
  using store = fakeStore(sender);
  const promises = Array.from({ length: MAX_UNRESOLVED }, (_, index) => sender.data({ index }));
  await assertRejects(
    () => sender.data({ one: "more" }),
    Error,
    "1000 messages of 38890 characters wait for the store already",
  );
  assertEquals(failures.length, 1);
  store.answer({ type: "appended", sequences: [1] });
  await promises[0];
  void sender.data({ fits: "again" });
  assertEquals(sender.unresolved, MAX_UNRESOLVED);
});

Deno.test("8 Mi characters of messages may wait, and there is room again after an answer", async () => {
  const { sender } = newSender();
  using store = fakeStore(sender);
  const body = "x".repeat(1_000_000);
  const promises = Array.from({ length: 8 }, () => sender.log("INFO", "large", body));
  await assertRejects(() => sender.log("INFO", "large", body), Error, "wait for the store already");
  store.answer({ type: "appended", sequences: [3] });
  await promises[2];
  void sender.log("INFO", "fits again", body);
  assertEquals(sender.unresolved, 8);
});

Deno.test("what fails is told, and never as an unhandled rejection", async () => {
  const { sender, failures } = newSender();
  using store = fakeStore(sender);
  const rejections: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => rejections.push(event.reason);
  addEventListener("unhandledrejection", note);
  void sender.data({ co2: NaN }); // nobody awaits these two
  void sender.data({ co2: 1 });
  await store.nextBatch();
  store.answer({ type: "refused", sequences: [1], reason: "the disk is full" });
  await sender.settled();
  await new Promise((resolve) => setTimeout(resolve, 0)); // rejections are told at the end of a turn
  removeEventListener("unhandledrejection", note);
  assertEquals(rejections, []);
  assertEquals(failures.length, 2);
  assert(failures[0]!.includes('"co2" is NaN'));
  assertEquals(failures[1], "the store refused a message: the disk is full");
});

Deno.test("a measurement that cannot be stored takes no number", async () => {
  const { sender } = newSender();
  using store = fakeStore(sender);
  await assertRejects(() => sender.data({ bad: null } as never), TypeError);
  void sender.data({ good: 1 });
  await store.nextBatch();
  assertEquals(store.received.map(({ sequence }) => sequence), [1]);
});

// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { createFlow } from "../../src/runtime/flow.ts";
import { createLeaseSize } from "../../src/runtime/lease_size.ts";
import { ParcelQueue } from "../../src/runtime/parcel_queue.ts";
import type { Parcel } from "../../src/runtime/parcels.ts";
import { createSuspicion } from "../../src/runtime/suspicion.ts";

const parcel = (id: number, channel = "a"): Parcel => ({
  channel,
  payload: "",
  sizeBytes: 100,
  points: 1,
  elements: [{ id, channel, text: "" }],
});

Deno.test("flow: a fast line gets room for megabytes, one of 1 kB/s is brought down to a few kB", () => {
  const fast = createFlow();
  for (let ms = 0; ms < 1000; ms++) fast.acknowledged(10_000, ms, ms + 5);
  assertEquals(fast.bytes, 4_194_304);

  const slow = createFlow();
  let sentMs = 0;
  for (let nowMs = 0; nowMs < 600_000; nowMs += 1000) {
    slow.acknowledged(1000, sentMs, nowMs); // what is acknowledged now was sent a full window ago
    sentMs = nowMs - slow.bytes;
  }
  assert(slow.bytes < 10_000, `${slow.bytes} bytes`);
});

Deno.test("flow: a break with something in flight halves it", () => {
  const flow = createFlow();
  const before = flow.bytes;
  flow.broken();
  assertEquals(flow.bytes, before / 2);
});

Deno.test("lease size: about what the server takes in half a second, however long nothing happened", () => {
  let nowMs = 0;
  const size = createLeaseSize(() => nowMs);
  const lease = (tookMs: number, wasFull: boolean) => {
    nowMs += tookMs;
    return size.next(wasFull);
  };
  assertEquals([lease(10, false), lease(100, true), lease(100, true)], [100, 200, 400]);
  assertEquals([lease(500, true), lease(500, true)], [400, 400]);
  assertEquals([lease(3000, true), lease(3000, true)], [200, 100]);
  assertEquals(lease(3_600_000, false), 100);
  for (let i = 0; i < 20; i++) lease(9000, true);
  assertEquals(size.messages, 1);
});

Deno.test("queue: first in, first out, with places for what comes back", () => {
  const queue = new ParcelQueue();
  queue.push([parcel(3), parcel(4)]);
  queue.unshift([parcel(1), parcel(2)]);
  assertEquals(queue.messages, 4);
  queue.shift();
  queue.unshift([parcel(0)]);
  const ids = [];
  for (; queue.first !== undefined; queue.shift()) ids.push(queue.first.elements[0]!.id);
  assertEquals([ids, queue.messages], [[0, 2, 3, 4], 0]);
  queue.shift();
  queue.push(Array.from({ length: 5000 }, (_, id) => parcel(id)));
  for (let i = 0; i < 3000; i++) queue.shift();
  assertEquals([queue.messages, queue.clear().length, queue.messages], [2000, 2000, 0]);
});

Deno.test("suspicion: a message that makes the server hang up is found, and parked once another one went through", () => {
  const suspicion = createSuspicion();
  assertEquals([1, 2, 3].map(() => [suspicion.hungUp(7), suspicion.isCautious]), [
    [false, false],
    [false, false],
    [false, true],
  ]);
  suspicion.hungUp(7);
  assertEquals(suspicion.setAsideId, undefined);
  suspicion.hungUp(7);
  assertEquals(suspicion.setAsideId, 7);
  assertEquals(suspicion.accepted(), 7);
  assertEquals([suspicion.isCautious, suspicion.setAsideId], [false, undefined]);
});

Deno.test("suspicion: one that hangs up on every message is not a message's fault", () => {
  const suspicion = createSuspicion();
  for (let i = 0; i < 5; i++) suspicion.hungUp(7);
  assertEquals(suspicion.hungUp(8), true);
  assertEquals([suspicion.setAsideId, suspicion.accepted()], [undefined, undefined]);
});

Deno.test("suspicion: breaks on different messages, or with messages taken in between, are the network's", () => {
  const suspicion = createSuspicion();
  for (let id = 1; id < 50; id++) suspicion.hungUp(id);
  assertEquals(suspicion.isCautious, false);
  for (let i = 0; i < 50; i++) {
    suspicion.hungUp(7);
    suspicion.hungUp(7);
    suspicion.accepted();
  }
  assertEquals([suspicion.isCautious, suspicion.setAsideId], [false, undefined]);
});

// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { withLimit } from "../../src/shared/time.ts";
import { Gate, StateCluster } from "./state_fixture.ts";
import type { Observation } from "./state_worker.ts";

/** A test that takes longer hangs. */
const LIMIT_MS = 300_000;

Deno.test("fault 1 of Python Ivy: 4 workers count to 10,000 each, and the counter ends at 40,000", async () => {
  await using cluster = await StateCluster.start(4);
  const add = { kind: "add", count: 10_000, together: false } as const;
  await inTime(Promise.all(cluster.workers.map((worker) => worker.do(add))));
  const { total, parts } = cluster.state;
  assertEquals({ total, parts }, {
    total: 40_000,
    parts: { w0: 10_000, w1: 10_000, w2: 10_000, w3: 10_000 },
  });
});

Deno.test("random writers, bursts of 5,000 and a blocked reader: one order, nothing lost, all equal in the end", async () => {
  const burst = fc.record({ count: fc.constantFrom(1, 30, 300), together: fc.boolean() });
  const writer = fc.array(burst, { minLength: 1, maxLength: 6 });
  const plan = fc.record({
    writers: fc.array(writer, { minLength: 2, maxLength: 3 }),
    fiveThousand: fc.nat({ max: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ writers, fiveThousand }) => {
      await using cluster = await StateCluster.start(writers.length + 2);
      const [blocked, _idle, ...writing] = cluster.workers;
      const blocking = blocked!.do({ kind: "block", blockMs: 2000 });
      const work = writing.map(async (worker, index) => {
        for (const burst of writers[index]!) await worker.do({ kind: "add", ...burst });
        await worker.do({ kind: "add_for", durationMs: 1500 });
        if (index === fiveThousand) await worker.do({ kind: "add", count: 5000, together: true });
        return (await worker.do({ kind: "look" })).added;
      });
      const added = await inTime(Promise.all(work));
      await inTime(blocking);
      const expected = added.reduce((sum, count) => sum + count);
      assert(expected >= 5000);
      const ends = await inTime(Promise.all(
        cluster.workers.map((worker) => worker.reach(cluster.authority.sequence)),
      ));
      for (const end of ends) assertEquals([end.total, end.partsSum], [expected, expected]);
      const histories = await Promise.all(cluster.workers.map((worker) => worker.do({ kind: "look" })));
      assertOneOrder(histories.map(({ history }) => history));
    }),
    { numRuns: 3, endOnFailure: true },
  );
});

/** Each history goes forward only, and who saw the same place saw the same whole state there. */
function assertOneOrder(histories: Observation[][]): void {
  const order = new Map<number, Observation>();
  for (const history of histories) {
    let before = { sequence: 0, total: 0 };
    for (const seen of history) {
      assertEquals(seen.partsSum, seen.total, `half of an update at the place ${seen.sequence}`);
      assert(
        seen.sequence >= before.sequence && seen.total >= before.total,
        `after ${JSON.stringify(before)} came ${JSON.stringify(seen)}`,
      );
      assertEquals(seen, order.get(seen.sequence) ?? seen);
      order.set(seen.sequence, seen);
      before = seen;
    }
  }
  const places = [...order.values()].sort((a, b) => a.sequence - b.sequence);
  places.reduce((before, seen) => {
    assert(seen.total >= before.total, `the total fell at the place ${seen.sequence}`);
    return seen;
  });
}

Deno.test("a reader that was blocked while broadcasts were dropped shows the latest state soon after", async () => {
  await using cluster = await StateCluster.start(3);
  const [writer, blocked, awake] = cluster.workers;
  const gate = new Gate();
  const holding = blocked!.do({ kind: "hold", gate: gate.cells });
  await inTime(gate.held());
  await inTime(writer!.do({ kind: "note", note: "early" }));
  let added = 0;
  for (let sent = 0; sent < 5; sent = (await inTime(awake!.do({ kind: "look" }))).broadcasts) {
    added = (await inTime(writer!.do({ kind: "add", count: 50, together: false }))).added;
  }
  {
    using _other = new Flooder(); // the buffer is one for all channels: what waits for the blocked one is pushed out of it
    gate.open();
    await inTime(holding);
  }
  await inTime(blocked!.reach(cluster.authority.sequence));
  const { broadcasts: got } = await blocked!.do({ kind: "look" });
  const { broadcasts: sent } = await awake!.do({ kind: "look" });
  assert(got < sent, `none of ${sent} broadcasts was dropped: the test has tried nothing`);
  const { now } = await blocked!.do({ kind: "look" });
  assertEquals([now.total, now.note], [added, "early"]);
});

Deno.test("a lost last broadcast is noticed, although nothing is written after it", async () => {
  await using cluster = await StateCluster.start(2);
  const [writer, blocked] = cluster.workers;
  const gate = new Gate();
  const holding = blocked!.do({ kind: "hold", gate: gate.cells });
  await inTime(gate.held());
  await inTime(writer!.do({ kind: "add", count: 1, together: false }));
  using _other = new Flooder(); // the only broadcast is pushed out, too
  gate.open();
  const { broadcasts, now } = await inTime(holding);
  assertEquals([broadcasts, now.total], [0, 0], "the broadcast was not dropped: the test has tried nothing");
  assertEquals((await inTime(blocked!.reach(cluster.authority.sequence))).total, 1);
});

/** Fills the buffer of all broadcasts again and again. */
class Flooder implements Disposable {
  #channel = new BroadcastChannel("another channel");
  #timer = setInterval(() => this.#flood(), 30);

  constructor() {
    this.#flood();
  }

  #flood(): void {
    for (let sent = 0; sent < 300; sent++) this.#channel.postMessage(sent);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#channel.close();
  }
}

Deno.test("what a replaced worker still writes is ignored, however much it is", async () => {
  await using cluster = await StateCluster.start(2);
  const [zombie, successor] = cluster.workers;
  const flooding = zombie!.do({ kind: "flood", floodMs: 300 });
  await inTime(untilTrue(() => cluster.state.note.startsWith("w0")));
  zombie!.shut();
  const { note } = cluster.state;
  await successor!.do({ kind: "add", count: 10, together: false });
  await inTime(flooding);
  assertEquals([cluster.state.note, cluster.state.total], [note, 10]);
});

Deno.test("a slow update function gets through although others write without a pause", async () => {
  await using cluster = await StateCluster.start(3);
  const [slow, ...fast] = cluster.workers;
  const busy = fast.map((worker) => worker.do({ kind: "add", count: 3000, together: false }));
  const slowOne = await inTime(slow!.do({ kind: "add", count: 5, together: false, spinMs: 5 }));
  assert(slowOne.now.total < 6000, "the others were done already: the test has tried nothing");
  await inTime(Promise.all(busy));
  assertEquals(cluster.state.total, 6005);
});

Deno.test("a worker that hangs when it has the turn holds nobody up for long", async () => {
  await using cluster = await StateCluster.start(3);
  const [hanging, ...others] = cluster.workers;
  const busy = others.map((worker) => worker.do({ kind: "add_for", durationMs: 4000 }));
  const hang = hanging!.do({ kind: "add", count: 1, together: false, spinMs: 3000 });
  const results = await inTime(Promise.all(busy));
  for (const { slowestMs } of results) assert(slowestMs < 2000, `an update took ${slowestMs} ms`);
  await inTime(hang);
  assertEquals(cluster.state.total, results.reduce((sum, { added }) => sum + added, 1));
});

Deno.test("main stays responsive while 8 workers write as fast as they can", async () => {
  await using cluster = await StateCluster.start(8);
  const busyMs = await longestTurnMs(async () => {
    await inTime(
      Promise.all(cluster.workers.map((worker) => worker.do({ kind: "add", count: 500, together: false }))),
    );
  });
  assertEquals(cluster.state.total, 4000);
  assert(busyMs < 100, `main's event loop worked for ${busyMs.toFixed(0)} ms without looking at a timer`);
});

Deno.test("main stays responsive, and the state goes on, while a worker broadcasts tens of megabytes", async () => {
  await using cluster = await StateCluster.start(2);
  const [forger, writer] = cluster.workers;
  await inTime(writer!.do({ kind: "add", count: 1, together: false })); // now everybody has the channel open
  await inTime(forger!.reach(cluster.authority.sequence));
  const busyMs = await longestTurnMs(async () => {
    for (let count = 0; count < 3; count++) {
      await inTime(forger!.do({ kind: "broadcast", characters: 10_000_000 }));
      await inTime(forger!.do({ kind: "add", count: 10, together: false }));
    }
    await inTime(writer!.do({ kind: "add", count: 10, together: false }));
  });
  assertEquals(cluster.state.total, 41);
  assert((await inTime(forger!.reach(cluster.authority.sequence))).total === 41);
  assert(busyMs < 100, `main's event loop worked for ${busyMs.toFixed(0)} ms without looking at a timer`);
});

/** The longest that this thread has worked without looking at a timer, in milliseconds. */
async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  let worstMs = 0;
  let lastMs = threadTimeMs();
  const look = () => {
    const nowMs = threadTimeMs();
    worstMs = Math.max(worstMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, 10);
  await work();
  look();
  clearInterval(timer);
  assert(worstMs > 0, "the system does not say how long a thread has run");
  return worstMs;
}

/** How long this thread has had a processor: whatever else runs on the machine, it does not count. */
function threadTimeMs(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

async function inTime<T>(promise: Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  const late = Symbol();
  const result = await withLimit(promise, limitMs, late);
  if (result === late) throw new Error(`not within ${limitMs} ms`);
  return result as T;
}

async function untilTrue(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

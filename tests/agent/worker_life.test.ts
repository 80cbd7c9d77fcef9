// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type LifeEnd, type LifeOptions, WorkerLife } from "../../src/agent/worker_life.ts";
import { COUNTS_FOR, fromAnyWorker, SAID_ONCE } from "../../src/agent/workers/decoders.ts";
import { decoderOf, integer, optional } from "../../src/shared/shape.ts";
import type { FromAnyWorker } from "../../src/shared/protocol.ts";

type Out = FromAnyWorker | { type: "count"; count?: number };

const decodeOut = decoderOf<Out>({ ...fromAnyWorker, count: { count: optional(integer(0)) } });

/** A worker from a piece of code, and what main hears of it. */
function lifeOf(code: string, options: Partial<LifeOptions<Out>> = {}) {
  const heard: (Out | string)[] = [];
  const times: number[] = [];
  let onHeard = () => {};
  const hear = (what: Out | string) => {
    heard.push(what);
    onHeard();
  };
  const life = new WorkerLife<{ type: string }, Out>({
    name: "worker",
    module: `data:application/javascript,${encodeURIComponent(code)}`,
    permissions: {},
    generation: 1,
    watchdogMs: Infinity,
    memoryLimitBytes: Infinity,
    monotonic: () => performance.now(),
    decode: decodeOut,
    onMessage: hear,
    onLog: (entry) => {
      times.push(entry.timeMs);
      hear(`${entry.origin}: ${entry.subject}`);
    },
    ...options,
  });
  const until = (count: number) =>
    new Promise<void>((resolve) => (onHeard = () => void (heard.length >= count && resolve()))());
  return { life, heard, times, until };
}

const COUNTER = `let count = 0; setInterval(() => postMessage({ type: "count", count: ++count }), 5);`;

Deno.test("what a worker says after its end is not heard, though its thread goes on", async () => {
  const { life, heard, until } = lifeOf(`${COUNTER}
    setInterval(() => postMessage({ type: "log", entry: { level: "INFO", origin: "somebody else", subject: "hello", details: "", timeMs: 1 } }), 5);`);
  await until(6);
  assert(heard.includes("worker: hello"), "its lines carry its own name, whatever it says");
  life.end({ kind: "silent", silentMs: 1 });
  life.end({ kind: "torn_down" });
  const before = heard.length;
  const { life: other, until: untilOther } = lifeOf(COUNTER);
  await untilOther(10);
  assertEquals(heard.length, before);
  assertEquals(await life.ended, { kind: "silent", silentMs: 1 }, "the first end counts");
  assertEquals(await Promise.all([life.terminate(), other.terminate()]), [true, true]);
});

const ENDS: { name: string; code: string; options?: Parameters<typeof lifeOf>[1]; end: Partial<LifeEnd> }[] =
  [
    {
      name: "a beat that tells of too much memory",
      code: `postMessage({ type: "beat", heapBytes: 60, externalBytes: 50 });`,
      options: { memoryLimitBytes: 100 },
      end: { kind: "too_large", bytes: 110 },
    },
    {
      name: "a failure that it reports",
      code: `postMessage({ type: "failed", error: { name: "Error", message: "no", stack: "" } });`,
      end: { kind: "crashed", error: { name: "Error", message: "no", stack: "" } },
    },
  ];

Deno.test("a log line has the time that the worker says only when it is near main's", async () => {
  const startMs = Date.now();
  const said = [startMs - 30_000, startMs + 30_000, 0, startMs - 86_400_000, startMs + 86_400_000];
  const { life, times, until } = lifeOf(
    `for (const timeMs of ${JSON.stringify(said)}) {
      postMessage({ type: "log", entry: { level: "INFO", origin: "a", subject: "b", details: "", timeMs } });
    }`,
  );
  await until(said.length);
  assertEquals(times.slice(0, 2), said.slice(0, 2));
  for (const timeMs of times.slice(2)) assert(timeMs >= startMs && timeMs <= Date.now(), `${timeMs}`);
  await life.terminate();
});

Deno.test("a worker that may be too large for a while ends when it still is after that, without a break", async () => {
  let nowMs = 0;
  const { life, until } = lifeOf(
    `onmessage = ({ data: { heapBytes } }) => {
      postMessage({ type: "beat", heapBytes, externalBytes: 0 });
      postMessage({ type: "count" });
    };`,
    { memoryLimitBytes: 100, memoryGraceMs: 1000, monotonic: () => nowMs },
  );
  const beats = [[0, 110], [999, 110], [1000, 100], [1001, 120], [2000, 120], [2001, 130]] as const;
  let ended = false;
  void life.ended.then(() => ended = true);
  for (const [index, [atMs, heapBytes]] of beats.entries()) {
    assert(!ended, `it ended before ${atMs}`);
    nowMs = atMs;
    life.send({ type: "beat", heapBytes } as { type: string });
    if (index < beats.length - 1) await until(index + 1);
  }
  assertEquals(await life.ended, { kind: "too_large", bytes: 130 });
  await life.terminate();
});

for (const [length, least, most] of [[0, 800, 1200], [30_000, 27, 60]] as const) {
  Deno.test(`lines of ${length} characters that no limiter holds back end the worker's life, and few are heard`, async () => {
    const { life, heard } = lifeOf(`const details = "x".repeat(${length});
      const entry = { level: "INFO", origin: "a", subject: "b", details, timeMs: Date.now() };
      for (let count = 0; count < 5000; count++) postMessage({ type: "log", entry });`);
    const reason = "it sends more than 800 log lines, or KiB of them, at once, or 40 a second";
    assertEquals(await life.ended, { kind: "invalid_message", reason });
    assert(heard.length >= least && heard.length < most, `${heard.length} lines were heard`);
    await life.terminate();
  });
}

Deno.test("messages that are large end the worker's life, although they are few", async () => {
  const { life, heard } = lifeOf(
    `for (let count = 0; count < 100; count++) postMessage({ type: "x".repeat(1_000_000) });`,
    { decode: (value) => value as Out },
  );
  const reason = "it sends more than 67108864 characters at once, or 8388608 a second";
  assertEquals(await life.ended, { kind: "invalid_message", reason });
  assert(heard.length >= 67, `${heard.length} were heard`);
  await life.terminate();
});

for (const [type, messages] of COUNTS_FOR) {
  Deno.test(`${type} counts for ${messages} messages, so that few of it are a flood`, async () => {
    const { life, heard } = lifeOf(
      `for (let count = 0; count < 5000; count++) postMessage({ type: "${type}" });`,
      { decode: (value) => value as Out, monotonic: () => 0 },
    );
    const reason = "it sends more than 20000 messages at once, or 1000 a second";
    assertEquals(await life.ended, { kind: "invalid_message", reason });
    assertEquals(heard.length, Math.floor((20_000 - 1) / messages), "its thread has told of its lock before");
    await life.terminate();
  });
}

for (const type of SAID_ONCE) {
  Deno.test(`a worker's life ends when it says ${type} a second time, which is not heard`, async () => {
    const { life, heard } = lifeOf(
      `for (let count = 0; count < 5000; count++) postMessage({ type: "${type}" });`,
      { decode: (value) => value as Out },
    );
    assertEquals(await life.ended, { kind: "invalid_message", reason: `it says ${type} a second time` });
    assertEquals(heard, [{ type }]);
    await life.terminate();
  });
}

for (const { name, code, options = {}, end } of ENDS) {
  Deno.test(`a worker's life ends with ${name}`, async () => {
    const { life } = lifeOf(code, options);
    assertEquals(await life.ended, end as LifeEnd);
    await life.terminate();
  });
}

for (
  const [code, name, message] of [
    [`throw new TypeError("broken");`, "TypeError", "broken"],
    [`throw "words";`, "Error", "words"],
    [`const x = ;`, "SyntaxError", "Expression expected"],
    [`await import("file:///etc/none.js");`, "TypeError", ""],
    [`Deno.readTextFileSync("/etc/hostname");`, "NotCapable", "Requires read access"],
  ] as const
) {
  Deno.test(`a worker whose file does not load has crashed: ${code}`, async () => {
    const { life } = lifeOf(code);
    const end = await life.ended;
    if (end.kind !== "crashed") throw new Error(`it ended ${end.kind}`);
    assertEquals(end.error.name, name);
    assertStringIncludes(end.error.message, message);
    assert(!end.error.message.includes("\x1b") && !end.error.message.includes("\n"), end.error.message);
    await life.terminate();
  });
}

Deno.test("silence is counted while nobody beats, and a beat starts it over", async () => {
  const { life, until } = lifeOf(
    `postMessage({ type: "count" }); onmessage = () => { postMessage({ type: "beat", heapBytes: 1, externalBytes: 0 }); postMessage({ type: "count" }); };`,
    { watchdogMs: 100 },
  );
  await until(1);
  life.watch(60);
  life.send({ type: "beat now" });
  await until(2);
  life.watch(60);
  assertEquals(life.heapBytes, 1);
  life.watch(60);
  assertEquals(await life.ended, { kind: "silent", silentMs: 120 });
  await life.terminate();
});

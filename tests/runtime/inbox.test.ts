// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createInbox } from "../../src/runtime/inbox.ts";
import { decodeFromBackend } from "../../src/agent/workers/decoders.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { BackendToMain } from "../../src/shared/protocol.ts";
import { fakeTimers } from "../support/fake_timers.ts";

function create() {
  const clock = { nowMs: 0 };
  const lines: string[] = [];
  const sent: BackendToMain[] = [];
  const logger = createLogger("mqtt", ({ level, subject }) => lines.push(`${level} ${subject}`));
  return { clock, lines, sent, ...createInbox((message) => sent.push(message), logger, () => clock.nowMs) };
}

Deno.test("inbox: garbage leaves one line a second at most, which counts the others", () => {
  const { inbox, clock, lines, sent } = create();
  for (let i = 0; i < 10_000; i++) {
    clock.nowMs = i; // ten seconds of garbage
    inbox.heard({ kind: "garbage", reason: "it is not JSON" });
  }
  assertEquals(lines.length, 10);
  assertEquals(lines.slice(0, 2), [
    "WARNING ignored what the server sent: it is not JSON",
    "WARNING ignored what the server sent: it is not JSON (and 999 more before)",
  ]);
  assertEquals(sent, []);
});

Deno.test("inbox: a reason that quotes a server is cut", () => {
  const { inbox, lines } = create();
  inbox.garbage("x".repeat(1_000_000));
  assertEquals(lines, [`WARNING ignored what the server sent: ${"x".repeat(500)}`]);
});

Deno.test("inbox: a configuration goes to main as it is; nothing is nothing", () => {
  const { inbox, sent } = create();
  inbox.heard({ kind: "configuration", revision: 3, config: { a: 1 } });
  inbox.heard(undefined);
  inbox.keep({ username: "x" });
  assertEquals(sent, [
    { type: "configuration", revision: 3, config: { a: 1 } },
    { type: "keep", value: { username: "x" } },
  ]);
});

Deno.test("inbox: of a flood of configurations main gets one a second, the newest, and none again", () => {
  using timers = fakeTimers();
  const { inbox, clock, sent } = create();
  const hear = (revision: number) => inbox.heard({ kind: "configuration", revision, config: { revision } });
  for (let i = 0; i < 1000; i++) hear(5);
  assertEquals(sent.length, 1);
  for (let i = 0; i < 1000; i++) hear(6 + i % 90);
  clock.nowMs = 1000;
  timers.next();
  assertEquals(sent.slice(1), [{ type: "configuration", revision: 95, config: { revision: 95 } }]);
  clock.nowMs = 5000;
  hear(95);
  assertEquals([sent.length, timers.nextInMs], [2, undefined]);
  hear(3);
  assertEquals(sent.length, 3, "main knows what is old");
});

Deno.test("inbox: of a flood of offers main gets one every five seconds, the last", () => {
  using timers = fakeTimers();
  const { inbox, clock, sent } = create();
  const offer = (i: number) => ({ title: `T${i}`, version: `9.9.${i}`, fault: "it has an address" });
  for (let i = 0; i < 3000; i++) {
    clock.nowMs = i * 5;
    while (timers.nextInMs !== undefined && timers.nowMs + timers.nextInMs <= clock.nowMs) timers.next();
    inbox.offered(offer(i));
  }
  assert(sent.length <= 4, `${sent.length} in 15 s`);
  clock.nowMs += 5000;
  timers.next();
  assertEquals(sent.at(-1), { type: "package", offer: offer(2999) });
  inbox.offered(null);
  clock.nowMs += 5000;
  timers.next();
  assertEquals(sent.at(-1), { type: "package", offer: null });
});

Deno.test("inbox: what main would not look at does not travel", async () => {
  const { inbox, sent } = create();
  const config = Object.fromEntries(Array.from({ length: 100_000 }, (_, key) => [`k${key}`, {}]));
  inbox.heard({ kind: "configuration", revision: 3, config });
  const excess = "it has more than 10000 keys and elements";
  assertEquals(sent, [{ type: "configuration", revision: 3, config: null, excess }]);
  await assertRejects(() => inbox.call("a", config), Error, excess);
  assertEquals(sent.length, 1);
  for (const message of sent) decodeFromBackend(message);
});

Deno.test("inbox: calls that come too fast are answered here", async () => {
  const { inbox, answered, clock, sent } = create();
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    clock.nowMs = i;
    inbox.call("ping", null).catch(() => refused++);
    answered({ type: "call_answer", callId: sent.length, result: null });
    await Promise.resolve();
  }
  await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
  assertEquals([sent.length, refused], [59, 941]);
});

Deno.test("inbox: each call gets its own answer, or its own error", async () => {
  const { inbox, answered, sent } = create();
  const calls = [inbox.call("a", 1), inbox.call("b", 2)];
  assertEquals(sent, [
    { type: "call", callId: 1, method: "a", params: 1 },
    { type: "call", callId: 2, method: "b", params: 2 },
  ]);
  answered({ type: "call_answer", callId: 2, error: "no" });
  answered({ type: "call_answer", callId: 1, result: "yes" });
  answered({ type: "call_answer", callId: 1, result: "again" });
  assertEquals(await calls[0], "yes");
  await assertRejects(() => calls[1]!, Error, "no");
});

// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { SideWork } from "../../src/runtime/side_work.ts";
import { createLogger } from "../../src/shared/logger.ts";
import type { LogEntry } from "../../src/shared/protocol.ts";
import { until } from "../support/until.ts";

function bench(limitMs = 1000) {
  const log: LogEntry[] = [];
  const work = new SideWork({
    what: "the configuration from http://a.example",
    logger: createLogger("http", (entry) => log.push(entry)),
    limitMs,
    longestDelayMs: 20,
  });
  const lines = () => log.filter(({ level }) => level !== "DEBUG").map(({ subject }) => subject);
  return { work, lines };
}

Deno.test("side work is tried again until it is done; each new reason is one line, and so is its end", async () => {
  const { work, lines } = bench();
  const reasons = ["nobody listens", "nobody listens", "it answers 500", "nobody listens"];
  const open = new AbortController();
  let attempts = 0;
  await work.run(() => {
    const reason = reasons[attempts++];
    return reason === undefined ? Promise.resolve() : Promise.reject(new Error(reason));
  }, open.signal);
  assertEquals(attempts, 5);
  const line = (reason: string) =>
    `the configuration from http://a.example does not work: ${reason}; messages are sent all the same`;
  assertEquals(lines(), [
    line("nobody listens"),
    line("it answers 500"),
    "the configuration from http://a.example works again",
  ]);
});

Deno.test("side work that is never answered ends with its limit, and at once with what it works on", async () => {
  const { work, lines } = bench(30);
  const open = new AbortController();
  const running = work.run(() => new Promise(() => {}), open.signal);
  await until("its time is up", () => lines().some((line) => line.includes("no answer within 0.03 s")));
  open.abort();
  await running;
});

Deno.test("what an attempt does is told to end when its time is up", async () => {
  const { work } = bench(30);
  let ending: AbortSignal | undefined;
  assertEquals(
    await work.once((signal) => new Promise(() => ending = signal), new AbortController().signal),
    false,
  );
  assert(ending!.aborted);
});

Deno.test("pauses outlast what it works on: a server that hangs up over it is left in peace for a while", async () => {
  const log: LogEntry[] = [];
  const work = new SideWork({ what: "a", logger: createLogger("b", (entry) => log.push(entry)) });
  const hangUp = async () => {
    const open = new AbortController();
    await work.run(() => {
      open.abort();
      return new Promise(() => {});
    }, open.signal);
  };
  await hangUp();
  assert(work.isPausing);
  assertEquals(await work.once(() => Promise.resolve(), new AbortController().signal), false);
  assertEquals(log.filter(({ level }) => level === "WARNING"), [], "once it is chance");
});

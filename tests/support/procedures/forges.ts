// Runs in: procedure worker.
import * as z from "zod";
import { defineProcedure } from "../../../src/runtime/procedure.ts";
import type { MainToProcedure } from "../../../src/shared/protocol.ts";

type Run = MainToProcedure & { type: "run" };

const scope = globalThis as unknown as {
  name: string;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<MainToProcedure>) => void): void;
};
const DATA = { sequence: 1, timeMs: Date.now(), variant: "data" };
const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

function store({ storePort }: Run, message: unknown): void {
  storePort.postMessage(message);
}

function append(run: Run, message: Record<string, unknown>): void {
  store(run, { type: "append", messages: [{ ...DATA, ...message }] });
}

function change({ state: { port, whole } }: Run, fields: unknown): void {
  port.postMessage({ type: "change", since: whole.sequence, touched: [], fields });
}

/** What a procedure can send that nobody has agreed on. */
export const FORGERIES = {
  null: () => scope.postMessage(null),
  text: () => scope.postMessage("log"),
  bare_log: () => scope.postMessage({ type: "log" }),
  log_level: () =>
    scope.postMessage({
      type: "log",
      entry: { level: "LOUD", origin: "a", subject: "b", details: "", timeMs: 1 },
    }),
  log_time: () =>
    scope.postMessage({
      type: "log",
      entry: { level: "INFO", origin: "a", subject: "b", details: "", timeMs: 1e300 },
    }),
  failed: () => scope.postMessage({ type: "failed" }),
  announce: () => scope.postMessage({ type: "announce", name: scope.name }),
  checked: () => scope.postMessage({ type: "checked", faults: null }),
  fault_path: () => scope.postMessage({ type: "checked", faults: [{ path: [{}] }] }),
  beat: () => scope.postMessage({ type: "beat", heapBytes: NaN, externalBytes: "no" }),
  device: () => scope.postMessage({ type: "device_request", requestId: 1, operation: "read", path: 7 }),
  unknown: () => scope.postMessage({ type: "constructor" }),
  cyclic: () => scope.postMessage({ type: "call_answer", callId: 1, result: cyclic }),
  flood: () => {
    for (let count = 0; count < 60_000; count++) scope.postMessage({ type: "disk_request", requestId: 1 });
  },
  checked_often: () => {
    for (let count = 0; count < 5000; count++) scope.postMessage({ type: "checked", faults: [] });
  },
  announce_often: () => {
    const announced = { type: "announce", name: scope.name, hasSelfTest: false, methods: {} };
    for (let count = 0; count < 5000; count++) scope.postMessage({ ...announced, settingsSchema: {} });
  },
  log_flood: () => {
    const entry = {
      level: "INFO",
      origin: "a",
      subject: "b",
      details: "x".repeat(30_000),
      timeMs: Date.now(),
    };
    for (let count = 0; count < 3000; count++) scope.postMessage({ type: "log", entry });
  },
  answer_flood: () => {
    const result = Array.from({ length: 10 }, () => "x".repeat(100_000));
    for (let callId = 1; callId < 200; callId++) scope.postMessage({ type: "call_answer", callId, result });
  },
  store_null: (run: Run) => store(run, null),
  store_no_messages: (run: Run) => store(run, { type: "append" }),
  store_time: (run: Run) => append(run, { timeMs: NaN, body: '{"variant":"data","data":{"forged":1}}' }),
  store_late: (run: Run) => append(run, { timeMs: 9e15, body: '{"variant":"data","data":{"forged":1}}' }),
  store_no_json: (run: Run) => append(run, { body: "forged" }),
  store_nested: (run: Run) => append(run, { body: '{"variant":"data","data":{"forged":{"a":1}}}' }),
  store_infinite: (run: Run) => append(run, { body: '{"variant":"data","data":{"forged":1e999}}' }),
  store_variant: (run: Run) =>
    append(run, { variant: "log", body: '{"variant":"data","data":{"forged":1}}' }),
  store_config: (run: Run) =>
    append(run, {
      variant: "config",
      body: '{"variant":"config","status":"accepted","config":{"general":{"config_revision":7}}}',
    }),
  store_sequence: (run: Run) =>
    append(run, { sequence: 0.5, body: '{"variant":"data","data":{"forged":1}}' }),
  store_many: (run: Run) => {
    const body = '{"variant":"data","data":{"forged":1}}';
    const messages = Array.from({ length: 5000 }, (_, index) => ({ ...DATA, sequence: index + 1, body }));
    store(run, { type: "append", messages });
  },
  store_empty: (run: Run) => store(run, { type: "append", messages: [] }),
  store_heavy: (run: Run) => {
    const body = `{"variant":"data","data":{"forged":${"1".padEnd(1_000_000)}}}`;
    const messages = Array.from({ length: 9 }, (_, index) => ({ ...DATA, sequence: index + 1, body }));
    store(run, { type: "append", messages });
  },
  state_null: ({ state: { port } }: Run) => port.postMessage(null),
  state_text: (run: Run) => change(run, { overloaded: "no json" }),
  state_value: (run: Run) => change(run, { overloaded: '"forged"' }),
  state_field: (run: Run) => change(run, { __proto__x: "1" }),
  state_flood: ({ state: { port } }: Run) => {
    for (let count = 0; count < 60_000; count++) port.postMessage({ type: "catch_up", since: 0 });
  },
  state_weight: (run: Run) => {
    for (let count = 0; count < 2000; count++) change(run, { overloaded: "true".padEnd(60_000) });
  },
};

/** A line feed in a body is JSON: it must not begin a line of its own, though it fails nobody. */
const LINE_FEED = '{"variant":"data",\n"data":{"fed":1}}'; // what stands behind the line feed looks like a line to whoever reads lines

let run: Run | undefined;
scope.addEventListener("message", ({ data }) => {
  if (data.type === "run") run = data;
});

/** Sends one forgery, the one that its own name says, or what is only unusual. */
export default defineProcedure({
  name: scope.name,
  config: z.strictObject({}),
  async run({ signal, logger }) {
    const name = scope.name.replace("forges_", "");
    if (name === "line_feed") append(run!, { body: LINE_FEED });
    else if (name === "log_lines") {
      scope.postMessage({
        type: "log",
        entry: {
          level: "INFO",
          origin: "agent",
          subject: "a\n2026-11-22T12:00:00.123Z ERROR     agent  forged\x1b[2J",
          details: "b\r2026-11-22T12:00:00.123Z ERROR     agent  forged\nc\x1b]0;d\x07",
          timeMs: Date.now(),
        },
      });
    } else if (name === "broadcast") {
      const channel = new BroadcastChannel(run!.state.channel);
      const forged = { since: 0, sequence: 9e15, fields: { overloaded: "true" } };
      channel.postMessage({ type: "changed", delta: forged });
      channel.postMessage({ type: "changed", delta: { ...forged, sequence: 2, since: 1 } });
      channel.postMessage(null);
      logger.info("has forged");
    } else if (name === "large_broadcast") {
      const channel = new BroadcastChannel(run!.state.channel);
      const fields = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`f${index}`, "x".repeat(65_000)]),
      );
      channel.postMessage({ type: "changed", delta: { since: 1, sequence: 1e9, fields } });
      logger.info("has forged");
    } else FORGERIES[name as keyof typeof FORGERIES](run!);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
});

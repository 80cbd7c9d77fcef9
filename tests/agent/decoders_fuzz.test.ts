// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import * as main from "../../src/agent/workers/decoders.ts";
import { InvalidMessageError } from "../../src/shared/shape.ts";
import { StateBroadcasts } from "../../src/shared/state_broadcasts.ts";
import { decodeFromReplica, decodeStateBroadcast } from "../../src/shared/state_decoders.ts";
import { decodeFromBackend, decodeFromProducer } from "../../src/store/decoders.ts";

const RUNS = Deno.env.get("IVY_NIGHTLY") === "1" ? 100_000 : 5000;

const body = '{"variant":"data","data":{"co2":412.1,"valve":"open","on":true}}';
const error = { name: "Error", message: "broken", stack: "", cause: { name: "E", message: "", stack: "" } };

/** Of each direction: the decoder, and messages that are as agreed on. */
const DIRECTIONS: Record<string, { decode: (value: unknown) => unknown; valid: unknown[] }> = {
  "procedure to main": {
    decode: main.decodeFromProcedure,
    valid: [
      { type: "beat", heapBytes: 1, externalBytes: 0 },
      { type: "log", entry: { level: "INFO", origin: "a", subject: "b", details: "", timeMs: 1 } },
      { type: "failed", error },
      {
        type: "announce",
        name: "a",
        settingsSchema: { type: "object" },
        hasSelfTest: false,
        methods: { open: {} },
      },
      { type: "call_answer", callId: 1, result: { open: true, at: undefined } },
      { type: "call_answer", callId: 1, error: "no" },
      { type: "checked", faults: [{ path: ["a", 0], unknownKey: "b" }] },
      { type: "self_tested", error: null },
      { type: "device_request", requestId: 1, operation: "read", path: "/sys/x" },
      { type: "disk_request", requestId: 2 },
      { type: "torn_down" },
    ],
  },
  "backend to main": {
    decode: main.decodeFromBackend,
    valid: [
      { type: "announce", provider: "mqtt", settingsSchema: {} },
      { type: "connection", isConnected: true, detail: "here", held: null },
      { type: "configuration", revision: 3, config: { general: {} } },
      { type: "call", callId: 1, method: "status", params: [1, null] },
      { type: "keep", value: { token: "a" } },
      { type: "package", offer: null },
      { type: "package", offer: { title: "a", version: "1.2.3", fault: "none" } },
      { type: "package_report_told", reportId: 1 },
    ],
  },
  "store to main": {
    decode: main.decodeFromStore,
    valid: [
      { type: "opened", checkDatabase: true },
      { type: "stored", messages: [{ origin: "a", line: "{}" }] },
      { type: "points", timeMs: 1, values: { a: 1 } },
      { type: "answer", requestId: 1, answer: [] },
      { type: "invalid_message", sender: { kind: "producer", name: "a", generation: 1 }, reason: "b" },
      { type: "closed" },
    ],
  },
  "checker to main": {
    decode: main.decodeFromChecker,
    valid: [{ type: "checked_database", damage: null }],
  },
  "release to main": {
    decode: main.decodeFromRelease,
    valid: [
      { type: "found", sums: new Uint8Array(3), signatures: "d" },
      { type: "fetched", wireBytes: 1, how: "delta" },
      { type: "unavailable", reason: "a", mayMend: true },
    ],
  },
  "producer to store": {
    decode: (value) => decodeFromProducer(value, false),
    valid: [
      { type: "append", messages: [{ sequence: 1, timeMs: 1, variant: "data", body }] },
      {
        type: "append",
        messages: [{
          sequence: 2,
          timeMs: 1,
          variant: "log",
          body: '{"variant":"log","level":"INFO","subject":"","body":""}',
        }],
      },
    ],
  },
  "backend to store": {
    decode: decodeFromBackend,
    valid: [
      { type: "lease", maxMessages: 1, maxBytes: 2048.5 },
      { type: "acknowledge", ids: [1, 2] },
      { type: "give_back", ids: [] },
      { type: "park", id: 1, reason: "a" },
    ],
  },
  "replica to authority": {
    decode: decodeFromReplica,
    valid: [
      { type: "change", since: 1, touched: ["a"], fields: { a: "1" } },
      { type: "catch_up", since: 0 },
    ],
  },
  "broadcast to replica": {
    decode: decodeStateBroadcast,
    valid: [{ type: "changed", delta: { since: 0, sequence: 1, fields: { a: "1" } } }],
  },
};

/** Whatever one thread can send another. */
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: false,
  key: fc.oneof(fc.string(), fc.constantFrom("type", "__proto__", "constructor", "toString", "entry")),
});

/** A message as agreed on, in which one value is another one, is missing or came besides. */
function spoilt(valid: unknown[]) {
  const value = fc.oneof(
    anything,
    fc.constantFrom(NaN, Infinity, -1, 0.5, 2 ** 53, "", null, undefined, [], {}),
  );
  return fc.record({ message: fc.constantFrom(...valid), at: fc.nat(), value, key: fc.string() }).map(
    ({ message, at, value, key }) => {
      const copy = structuredClone(message);
      const places = placesIn(copy);
      const [owner, name] = places[at % places.length]!;
      if (at % 5 === 0) delete owner[name];
      else if (at % 5 > 1) owner[name] = value;
      else if (Array.isArray(owner)) owner.push(value);
      else Object.defineProperty(owner, key, { value, enumerable: true, configurable: true, writable: true });
      return copy;
    },
  );
}

function placesIn(value: unknown): [owner: Record<string, unknown>, key: string][] {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return [];
  const owner = value as Record<string, unknown>;
  return Object.keys(owner).flatMap((
    key,
  ) => [[owner, key] as [typeof owner, string], ...placesIn(owner[key])]);
}

for (const [direction, { decode, valid }] of Object.entries(DIRECTIONS)) {
  Deno.test(`${direction}: what was agreed on is taken as it is`, () => {
    for (const message of valid) assertEquals(decode(structuredClone(message)), message);
  });

  Deno.test(`${direction}: ${RUNS} other messages are taken or refused, and nothing else happens`, () => {
    fc.assert(
      fc.property(
        fc.oneof({ weight: 3, arbitrary: spoilt(valid) }, { weight: 1, arbitrary: anything }),
        (message) => {
          try {
            decode(message);
          } catch (error) {
            if (!(error instanceof InvalidMessageError)) throw error;
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  Deno.test(`${direction}: a key too many, one missing and another's type are refused`, () => {
    for (const message of valid as Record<string, unknown>[]) {
      assertThrows(() => decode({ ...message, more: 1 }), InvalidMessageError);
      assertThrows(() => decode({ ...message, type: "constructor" }), InvalidMessageError);
      assertThrows(() => decode([message]), InvalidMessageError);
    }
  });
}

Deno.test(`a replica takes ${RUNS} broadcasts of strangers, and believes none`, () => {
  let believed = 0;
  const broadcasts = new StateBroadcasts(() => believed++);
  const { valid } = DIRECTIONS["broadcast to replica"]!;
  fc.assert(
    fc.property(fc.oneof(spoilt(valid), anything), (message) => {
      broadcasts.receive(message);
      broadcasts.confirm(1, "not the digest of any");
    }),
    { numRuns: RUNS },
  );
  assertEquals(believed, 0);
});

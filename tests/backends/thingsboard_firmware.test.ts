// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { decodeFromBackend } from "../../src/agent/workers/decoders.ts";
import { ShownOffer } from "../../src/backends/thingsboard_offer.ts";
import thingsboard from "../../src/backends/thingsboard.ts";
import type { BackendToFetcher, PackageReport, PackageState } from "../../src/shared/protocol.ts";
import { createFakeStore } from "../support/fake_store.ts";
import { needs } from "../support/needs.ts";
import { runBackend, type RunningBackend } from "../support/run_backend.ts";
import { seededBytes } from "../support/seeded_bytes.ts";
import { startThingsboard, type ThingsboardOptions } from "../support/thingsboard_server.ts";
import { until } from "../support/until.ts";

const ignore = needs("mosquitto") !== undefined;
const GENEROUS = { maxPayloadSize: 65_536, maxInflightMessages: 100, rateLimits: {} };
const FIRMWARE = { title: "ivy-field", version: "4.5.6", bytes: seededBytes(200_000) };

async function start(options: ThingsboardOptions = { sessionLimits: GENEROUS }) {
  const server = await startThingsboard(options);
  const running = runBackend(thingsboard, {
    store: createFakeStore(),
    settings: server.settings,
  });
  await running.connected();
  return {
    server,
    running,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name: `ThingsBoard's firmware: ${name}`, ignore, fn: run });
}

/** Fetches as the release worker does. */
function fetcher(running: RunningBackend) {
  const { port1: port, port2 } = new MessageChannel();
  running.driver.bringPackage!(port2);
  const answers: BackendToFetcher[] = [];
  port.onmessage = ({ data }) => void answers.push(data);
  return {
    async part(offset: number): Promise<BackendToFetcher> {
      answers.length = 0;
      port.postMessage({ type: "want", offset });
      await until(`what follows ${offset}`, () => answers.length > 0, 60_000);
      return answers[0]!;
    },
    [Symbol.dispose]: () => port.close(),
  };
}

async function fetchAll(running: RunningBackend): Promise<Uint8Array> {
  using fetching = fetcher(running);
  const bytes = new Uint8Array(FIRMWARE.bytes.length);
  for (let have = 0; have < bytes.length;) {
    const answer = await fetching.part(have);
    if (answer.type === "refused") throw new Error(answer.reason);
    bytes.set(answer.bytes, have);
    have += answer.bytes.length;
  }
  return bytes;
}

test("an assigned package is offered with all that is known of it, and again after each connect", async () => {
  await using bench = await start();
  const { server, running } = bench;
  await server.assign(FIRMWARE);
  await until("it is offered", () => running.offers.some((offer) => offer !== null));
  const offer = running.offers.at(-1)!;
  const checksum = new Uint8Array(await crypto.subtle.digest("SHA-256", FIRMWARE.bytes)).toHex();
  const { title, version } = FIRMWARE;
  assertEquals(offer, { title, version, sizeBytes: 200_000, checksum, algorithm: "SHA256" });
  const { length } = running.offers;
  server.proxy.cutAll();
  await until("it is offered again", () => running.offers.length > length, 60_000);
  assertEquals(running.offers.at(-1), offer);
  await server.assign(null);
  await until("it is taken back", () => running.offers.at(-1) === null);
});

test("the package comes in chunks that the server allows, also over cut connections", async () => {
  for (const maxPayloadSize of [65_536, 20_000]) {
    await using bench = await start({ sessionLimits: { ...GENEROUS, maxPayloadSize } });
    const { server, running } = bench;
    await server.assign(FIRMWARE);
    server.answerChunk = (count) => {
      if (count !== 2) return undefined;
      server.proxy.cutAll();
      return null;
    };
    assertEquals(await fetchAll(running), FIRMWARE.bytes);
    assert(server.chunks.every((chunk) => Number(chunk.split("/")[2]) <= maxPayloadSize), `${server.chunks}`);
    const ids = new Set(server.chunks.map((chunk) => chunk.split("/")[0]));
    assertEquals(ids.size, 2, "a request id for each attempt");
    assertEquals(await fetchAll(running), FIRMWARE.bytes, "the next fetcher is served as well");
  }
});

test("it is fetched no faster than the server's limits allow", async () => {
  const limits = { ...GENEROUS, rateLimits: { messages: "2:1" } };
  await using bench = await start({ sessionLimits: limits });
  const { server, running } = bench;
  await server.assign(FIRMWARE);
  const startMs = performance.now();
  await fetchAll(running); // four chunks at one each 1.1 s: three waits at least
  assert(performance.now() - startMs > 3000, `${performance.now() - startMs}`);
});

test("what the server refuses is told to who fetches", async () => {
  await using bench = await start();
  const { server, running } = bench;
  await server.assign(FIRMWARE);
  server.answerChunk = () => ({ error: "PAYLOAD_TOO_LARGE" });
  using fetching = fetcher(running);
  assertEquals(await fetching.part(0), { type: "refused", reason: "PAYLOAD_TOO_LARGE" });
});

test("states are told in their order, each once, also when the connection is cut between them", async () => {
  await using bench = await start();
  const { server, running } = bench;
  const current = { current_fw_title: "ivy", current_fw_version: "1.2.3" };
  await until("what runs is told", () => server.said("telemetry").length > 0);
  assertEquals(server.said("telemetry")[0], current);
  const states: PackageState[] = ["DOWNLOADING", "DOWNLOADED", "VERIFIED", "UPDATING", "FAILED"];
  const reports = states.map((state, index): PackageReport => ({
    reportId: index + 1,
    state,
    ...(state === "FAILED" ? { error: "the valve is stuck" } : {}),
    currentTitle: "ivy",
    currentVersion: "1.2.3",
  }));
  for (const report of reports.slice(0, 2)) running.driver.tellReport!(report);
  await until("two are known", () => running.told.length === 2);
  server.proxy.cutAll();
  for (const report of reports.slice(2)) running.driver.tellReport!(report);
  await until("all are known", () => running.told.length === 5, 60_000);
  assertEquals(running.told, [1, 2, 3, 4, 5]);
  await until("they have arrived", () => server.states().at(-1)?.["fw_state"] === "FAILED");
  const told = server.states().map(({ fw_state }) => fw_state);
  assertEquals(told.filter((state, index) => state !== told[index - 1]), states);
  assertEquals(server.states().at(-1), { ...current, fw_state: "FAILED", fw_error: "the valve is stuck" });
});

const SUM = "ab".repeat(32);
const WHOLE = {
  fw_title: "ivy",
  fw_version: "4.5.6",
  fw_size: 5,
  fw_checksum: SUM,
  fw_checksum_algorithm: "SHA256",
};

const OFFERS: [name: string, attributes: Record<string, unknown>, expected: unknown][] = [
  ["all", WHOLE, { title: "ivy", version: "4.5.6", sizeBytes: 5, checksum: SUM, algorithm: "SHA256" }],
  ["nothing", {}, null],
  ["a part", { fw_title: "ivy", fw_version: "4.5.6" }, undefined],
  ["a weak checksum", { ...WHOLE, fw_checksum_algorithm: "CRC32" }, /SHA256, SHA384 or SHA512, not CRC32/],
  ["no checksum", { ...WHOLE, fw_checksum: "abc" }, /is no SHA256/],
  ["no size", { ...WHOLE, fw_size: -1 }, /cannot have -1 bytes/],
  ["an address", { ...WHOLE, fw_url: "https://example.org/x" }, /an address of its own/],
  ["a version that is none", { ...WHOLE, fw_version: "../v4" }, /must be one such as 1\.2\.3/],
  ["a long title", { ...WHOLE, fw_title: "T".repeat(300_000) }, /more than 255 characters/],
  ["a long version", { ...WHOLE, fw_version: `1.2.3-${"a".repeat(300)}` }, /more than 255 characters/],
  ["a long algorithm", { ...WHOLE, fw_checksum_algorithm: "X".repeat(300_000) }, /not X{40}$/],
  ["a long size", { ...WHOLE, fw_size: "5".repeat(300_000) }, /cannot have 5{40} bytes/],
  [
    "an algorithm that every object has",
    { ...WHOLE, fw_checksum_algorithm: "constructor" },
    /not constructor/,
  ],
  [
    "an algorithm that is no text",
    { ...WHOLE, fw_checksum_algorithm: { toString: 1 } },
    /not \{"toString":1\}/,
  ],
  ["nonsense", { ...WHOLE, fw_title: 5 }, undefined],
];

Deno.test("ThingsBoard's firmware: what was taken back while there was no connection is gone after the next", () => {
  const shown = new ShownOffer();
  const take = (topic: string, value: unknown) =>
    shown.take(`v1/devices/me/attributes${topic}`, new TextEncoder().encode(JSON.stringify(value)));
  assertEquals(take("/response/1", {}), false, "nothing was offered before either");
  assertEquals(take("", WHOLE), true);
  assertEquals(take("/response/2", {}), true);
  assertEquals(shown.offer, null);
});

for (const [name, attributes, expected] of OFFERS) {
  Deno.test(`ThingsBoard's firmware: attributes with ${name}`, () => {
    const shown = new ShownOffer();
    const take = (topic: string, value: unknown) =>
      shown.take(topic, new TextEncoder().encode(JSON.stringify(value)));
    take("v1/devices/me/attributes/response/1", { shared: attributes });
    const { offer } = shown;
    if (expected instanceof RegExp) {
      assert(offer && "fault" in offer && expected.test(offer.fault), JSON.stringify(offer)?.slice(0, 1000));
    } else assertEquals<unknown>(offer, expected);
    if (offer !== undefined) decodeFromBackend({ type: "package", offer }); // main takes it
    assertEquals(take("v1/devices/me/attributes", { other: 1 }), false);
    assertEquals(take("v1/devices/me/attributes", null), false);
    assertEquals(take("v1/devices/me/rpc/request/1", WHOLE), false);
  });
}

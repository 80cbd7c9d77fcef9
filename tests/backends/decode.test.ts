// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decode as decodePlain } from "../../src/backends/mqtt.ts";
import { createRateLimiter, parseRates } from "../../src/backends/rate_limits.ts";
import { readLimits } from "../../src/backends/session_limits.ts";
import { decode as decodeTenta } from "../../src/backends/tenta.ts";
import { decode as decodeThingsboard } from "../../src/backends/thingsboard_decode.ts";
import { credentialsIn } from "../../src/backends/thingsboard_provisioning.ts";
import { fillTemplate } from "../../src/backends/topic_template.ts";
import { createVersionChoice } from "../../src/backends/version_choice.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const D = "v1/devices/me";
const CONFIG = { general: { config_revision: 5 }, a: 1 };

const PLAIN: [payload: string, expected: unknown][] = [
  [JSON.stringify(CONFIG), { kind: "configuration", revision: 5, config: CONFIG }],
  ["", undefined],
  ["[]", { kind: "garbage", reason: "a configuration must be an object" }],
  ["{}", { kind: "garbage", reason: "general.config_revision must be an integer from 0 to 2147483647" }],
  ['{"general":{"config_revision":-1}}', {
    kind: "garbage",
    reason: "general.config_revision must be an integer from 0 to 2147483647",
  }],
  ['{"general":{"config_revision":1.5}}', {
    kind: "garbage",
    reason: "general.config_revision must be an integer from 0 to 2147483647",
  }],
  ['{"general":{"config_revision":1},"a":1,"a":2}', {
    kind: "garbage",
    reason: 'the key "a" stands twice in one object, again at line 1, column 40',
  }],
];
for (const [payload, expected] of PLAIN) {
  Deno.test(`plain MQTT: ${payload || "an empty payload"}`, () =>
    assertEquals(decodePlain(bytes(payload)), expected as never));
}
Deno.test("plain MQTT: bytes that are no text", () => {
  assertEquals(decodePlain(new Uint8Array([0xff, 0xfe])), { kind: "garbage", reason: "it is not UTF-8" });
});
Deno.test("plain MQTT: a value that is nested a million deep", () => {
  assertEquals(decodePlain(bytes("[".repeat(1_000_000))), {
    kind: "garbage",
    reason: "it is nested too deeply",
  });
});

const SLOW: [name: string, text: string][] = [
  ["a text without an end, full of escapes", '\\"'.repeat(500_000)],
  ["a text without an end, full of quotes", `{"${'\\"'.repeat(500_000)}`],
  ["quotes without number", '"'.repeat(1_000_000)],
  ["a text of a million characters that never ends", `"${"a".repeat(1_000_000)}`],
  ["white space without end", `{"a"${" ".repeat(1_000_000)}`],
  ["more than is read", '\\"'.repeat(1_500_000)],
];
for (const [name, text] of SLOW) {
  Deno.test(`bytes that are garbage at once: ${name}`, () => {
    const startMs = performance.now();
    assertEquals(decodePlain(bytes(text))?.kind, "garbage");
    assert(performance.now() - startMs < 2000, `${performance.now() - startMs} ms`);
  });
}
Deno.test("brackets in texts do not nest, however they are escaped", () => {
  const config = { general: { config_revision: 5 }, text: `\\"${"[".repeat(100)}\\` };
  assertEquals(decodePlain(bytes(JSON.stringify(config))), { kind: "configuration", revision: 5, config });
});
Deno.test("plain MQTT: a large valid text is read", () => {
  const config = { general: { config_revision: 5 }, text: '\\"'.repeat(200_000) };
  assertEquals(decodePlain(bytes(JSON.stringify(config))), { kind: "configuration", revision: 5, config });
});

const UNSENDABLE: [name: string, text: string, reason: string][] = [
  ["a number that is too large", '"x":1e999', "a number in it is too large"],
  ["one that is too small, deep inside", '"x":[{"y":[-1e999]}]', "a number in it is too large"],
  ["a long key", `"${"k".repeat(70_000)}":1`, "a key in it has more than 1024 characters"],
  [
    "a long key of a key",
    `"__proto__":{"${"k".repeat(1025)}":1}`,
    "a key in it has more than 1024 characters",
  ],
];
for (const [name, text, reason] of UNSENDABLE) {
  Deno.test(`what main would not take from any worker is garbage: ${name}`, () => {
    const general = '"general":{"config_revision":5}';
    assertEquals(decodePlain(bytes(`{${general},${text}}`)), { kind: "garbage", reason });
    const inText = decodeThingsboard(
      D + "/attributes",
      bytes(JSON.stringify({ configuration: `{${text}}` })),
    );
    assertEquals(inText, { kind: "garbage", reason: `the attribute "configuration": ${reason}` });
    const called = bytes(`{"method":"ping","params":{${text}}}`);
    assertEquals(decodeThingsboard(D + "/rpc/request/1", called).kind, "garbage");
  });
}

const TENTA: [payload: string, expected: unknown][] = [
  ['{"configuration":{"a":1},"revision":3}', { kind: "configuration", revision: 3, config: { a: 1 } }],
  ['{"configuration":null,"revision":3}', { kind: "configuration", revision: 3, config: null }],
  ['{"revision":3}', { kind: "configuration", revision: 3, config: null }],
  ['{"configuration":{}}', {
    kind: "garbage",
    reason: "a configuration must have an integer revision from 0",
  }],
  ['{"configuration":{},"revision":2147483648}', {
    kind: "garbage",
    reason: "a configuration must have an integer revision from 0",
  }],
  ["null", { kind: "garbage", reason: "a configuration must have an integer revision from 0" }],
  ["", undefined],
];
for (const [payload, expected] of TENTA) {
  Deno.test(`Tenta: ${payload || "an empty payload"}`, () =>
    assertEquals(decodeTenta(bytes(payload)), expected as never));
}

const THINGSBOARD: [topic: string, payload: string, expected: unknown][] = [
  [`${D}/attributes`, JSON.stringify({ configuration: CONFIG }), {
    kind: "configuration",
    revision: 5,
    config: CONFIG,
  }],
  [`${D}/attributes`, JSON.stringify({ configuration: JSON.stringify(CONFIG) }), {
    kind: "configuration",
    revision: 5,
    config: CONFIG,
  }],
  [`${D}/attributes`, '{"other":1}', { kind: "nothing" }],
  [`${D}/attributes`, '{"deleted":["configuration"]}', { kind: "nothing" }],
  [`${D}/attributes`, '{"configuration":"{"}', {
    kind: "garbage",
    reason: 'the attribute "configuration": it is not JSON: it ends too early, at line 1, column 2',
  }],
  [`${D}/attributes/response/1`, JSON.stringify({ shared: { configuration: CONFIG } }), {
    kind: "configuration",
    revision: 5,
    config: CONFIG,
  }],
  [`${D}/attributes/response/1`, "{}", { kind: "nothing" }],
  [`${D}/rpc/request/9`, '{"method":"ping"}', { kind: "call", requestId: "9", method: "ping", params: null }],
  [`${D}/rpc/request/9`, '{"method":5}', {
    kind: "garbage",
    reason: `on ${D}/rpc/request/9: a call must have a method`,
  }],
  [`${D}/rpc/response/9`, "5", { kind: "answer", requestId: "9", value: 5 }],
  ["/provision/response", '{"status":"SUCCESS"}', { kind: "provisioned", value: { status: "SUCCESS" } }],
  ["elsewhere", "{}", { kind: "nothing" }],
];
for (const [topic, payload, expected] of THINGSBOARD) {
  Deno.test(`ThingsBoard: ${payload} on ${topic}`, () =>
    assertEquals(decodeThingsboard(topic, bytes(payload)), expected as never));
}

Deno.test("whatever bytes come on whatever topic, decoding never throws and gives nothing but an event", () => {
  const topic = fc.constantFrom("attributes", "attributes/response/1", "rpc/request/1", "rpc/response/1", "x")
    .map((use) => `${D}/${use}`);
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(bytes),
    fc.json().map((json) => bytes(`{"configuration":${json},"revision":1,"method":"a"}`)),
  );
  fc.assert(
    fc.property(topic, payload, (topic, payload) => {
      for (const event of [decodePlain(payload), decodeTenta(payload), decodeThingsboard(topic, payload)]) {
        if (event === undefined) continue;
        assert(["configuration", "garbage", "nothing", "call", "answer", "provisioned"].includes(event.kind));
        if (event.kind === "configuration") assert(Number.isInteger(event.revision) && event.revision >= 0);
        structuredClone(event);
      }
    }),
    { numRuns: 500 },
  );
});

const RATES: [text: unknown, expected: unknown][] = [
  ["20:1,600:60", [{ amount: 20, periodMs: 1000 }, { amount: 600, periodMs: 60_000 }]],
  ["", []],
  [null, []],
  [undefined, []],
  ["0:1", undefined],
  ["10:0", undefined],
  ["-1:1", undefined],
  ["1:1,", undefined],
  ["1e3:1", undefined],
  [5, undefined],
  [["1:1"], undefined],
  ["9999999999:1", undefined],
];
for (const [text, expected] of RATES) {
  Deno.test(`rates: ${JSON.stringify(text)}`, () => assertEquals(parseRates(text), expected as never));
}

Deno.test("rate limiter: never more than is allowed within any period, and never idle for long", () => {
  const rates = [{ amount: 20, periodMs: 1000 }, { amount: 100, periodMs: 10_000 }];
  let nowMs = 0;
  const limiter = createRateLimiter(rates, () => nowMs);
  const sent: number[] = [];
  while (nowMs < 60_000) {
    const waitMs = limiter.waitMs(1);
    if (waitMs === 0) {
      limiter.count(1);
      sent.push(nowMs);
    } else nowMs += waitMs;
  }
  for (const { amount, periodMs } of rates) {
    for (const from of sent) {
      assert(sent.filter((at) => at >= from && at < from + periodMs).length <= amount);
    }
  }
  assert(sent.length > 0.75 * 600, `${sent.length} in a minute that allows 600`);
});

Deno.test("rate limiter: a server that allows millions costs no memory for each", () => {
  let nowMs = 0;
  const limiter = createRateLimiter([{ amount: 1_000_000_000, periodMs: 1_000_000_000 }], () => nowMs);
  const before = Deno.memoryUsage().heapUsed;
  for (let count = 0; count < 2_000_000; count++) {
    nowMs += 1;
    limiter.count(1);
  }
  const grown = Deno.memoryUsage().heapUsed - before;
  assert(grown < 20_000_000, `${grown} bytes`);
  assertEquals(limiter.waitMs(1) > 0, true, "what was sent before the start still counts");
});

Deno.test("rate limiter: what was sent before the start is not known, and counts", () => {
  const limiter = createRateLimiter([{ amount: 10, periodMs: 1000 }], () => 0);
  assert(limiter.waitMs(5) > 400);
  assertEquals(limiter.most, 9);
});

Deno.test("session limits: what is nonsense is named, the rest counts", () => {
  const { limits, nonsense } = readLimits({
    maxPayloadSize: 1000,
    maxInflightMessages: "many",
    rateLimits: { messages: "20:1", telemetryMessages: 5, telemetryDataPoints: null },
  });
  assertEquals(nonsense, ["maxInflightMessages", "rateLimits.telemetryMessages"]);
  assertEquals([limits.maxPayloadBytes, limits.maxInFlight], [1000, Infinity]);
  assertEquals(limits.messages, [{ amount: 20, periodMs: 1000 }]);
});

Deno.test("provisioning: an access token, or user name and password; anything else is an error", () => {
  assertEquals(credentialsIn({ status: "SUCCESS", credentialsType: "ACCESS_TOKEN", credentialsValue: "t" }), {
    username: "t",
  });
  const basic = { clientId: "c", userName: "u", password: "p" };
  assertEquals(credentialsIn({ status: "SUCCESS", credentialsType: "MQTT_BASIC", credentialsValue: basic }), {
    client_id: "c",
    username: "u",
    password: "p",
  });
  for (
    const answer of [undefined, null, {}, { status: "FAILURE" }, {
      status: "SUCCESS",
      credentialsType: "X509_CERTIFICATE",
      credentialsValue: "x",
    }, { status: "SUCCESS", credentialsType: "ACCESS_TOKEN", credentialsValue: "x".repeat(70_000) }]
  ) {
    let failed = false;
    try {
      credentialsIn(answer);
    } catch {
      failed = true;
    }
    assert(failed, JSON.stringify(answer));
  }
});

Deno.test("topics: the system identifier stands in for its name; what is unknown stays", () => {
  assertEquals(fillTemplate("a/{system_identifier}/{x}", { system_identifier: "n-1" }), "a/n-1/{x}");
});

Deno.test("MQTT version: 5 first; 3.1.1 for good where the server says so, for once where it left without a word", () => {
  const sure = createVersionChoice();
  sure.failed("yes");
  assertEquals(sure.next, 4);
  sure.worked(4);
  assertEquals(sure.next, 4);
  const perhaps = createVersionChoice();
  perhaps.failed("no");
  assertEquals(perhaps.next, 5);
  perhaps.failed("perhaps");
  assertEquals(perhaps.next, 4);
  perhaps.failed("perhaps");
  assertEquals(perhaps.next, 5, "it is not the version");
  perhaps.failed("perhaps");
  perhaps.worked(4);
  assertEquals(perhaps.next, 5);
});

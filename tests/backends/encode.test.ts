// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encode as encodePlain } from "../../src/backends/mqtt.ts";
import { encode as encodeTenta, PARCEL } from "../../src/backends/tenta.ts";
import { createEncoder } from "../../src/backends/thingsboard_encode.ts";
import { type Element, packParcels } from "../../src/runtime/parcels.ts";
import type { MessageBody } from "../../src/shared/message.ts";
import type { LeasedMessage } from "../../src/shared/protocol.ts";
import { backends } from "../../src/backends/registry.ts";
import { messageText } from "../../src/backends/message_text.ts";
import { badText, isClean } from "../support/bad_texts.ts";

const MEASURED = 1_763_806_800.123;
const FACTS = { configRevision: 7, configuredMs: 0 };
const TOPICS = {
  data: "t/data",
  log: "t/log",
  config_status: "t/status",
  config_set: "t/set",
  status: "t/online",
};

function message(body: MessageBody, id = 17, timestamp = MEASURED): LeasedMessage {
  return { id, timestamp, variant: body.variant, body: JSON.stringify(body) };
}
const data = (values: Record<string, number | string | boolean>): MessageBody => ({
  variant: "data",
  data: values,
});
const log = (
  level: "DEBUG" | "INFO" | "WARNING" | "ERROR" | "EXCEPTION",
  subject: string,
  body = "",
): MessageBody => ({
  variant: "log",
  level,
  subject,
  body,
});
const config = (status: "received" | "accepted" | "rejected" | "startup", revision: number): MessageBody => ({
  variant: "config",
  status,
  config: { general: { config_revision: revision } },
});

/** How each backend writes a message that version 0.1 has stored as it came. */
const WRITERS: Record<string, (body: MessageBody) => { text: string } | { reason: string }> = {
  tenta: (body) => encodeTenta(message(body), "SENSOR", FACTS),
  thingsboard: (body) => createEncoder()(message(body)),
  mqtt: (body) => encodePlain(message(body), TOPICS),
  http: (body) => ({ text: messageText(message(body)) }),
};
const anyBody = fc.oneof(
  fc.dictionary(badText, fc.oneof(badText, fc.integer(), fc.boolean()), { minKeys: 1 }).map(data),
  fc.tuple(badText, badText).map(([subject, body]) => log("WARNING", subject, body)),
  fc.tuple(badText, badText).map(([reason, text]): MessageBody => ({
    variant: "config",
    status: "rejected",
    config: { general: { config_revision: 3, [text]: [text] } },
    reason,
  })),
);

Deno.test("every backend of the registry is among those whose texts are tried", () => {
  assertEquals(Object.keys(WRITERS).sort(), Object.keys(backends).sort());
});

for (const [name, write] of Object.entries(WRITERS)) {
  Deno.test(`${name}: no NUL and no half of a surrogate pair gets out, whatever was stored`, () => {
    fc.assert(fc.property(anyBody, (body) => {
      const written = write(body);
      assert("reason" in written ? isClean(JSON.stringify(written.reason)) : isClean(written.text));
    }));
  });
}

Deno.test("Tenta: a log is cut at 16,384 characters, not in the middle of one", () => {
  for (const character of ["x", "€", "😀", "\u0001", "\0", "\uD83D"]) {
    const encoded = encodeTenta(message(log("INFO", character.repeat(20_000))), "SENSOR", FACTS);
    const { text } = encoded as { text: string };
    assert(isClean(text));
    assertEquals([...JSON.parse(text).message].length, 16_384);
    const { unsendable } = packParcels([encoded as Element], () => PARCEL, 0);
    assertEquals(unsendable, [], `${text.length} characters are too much for a parcel`);
  }
});

Deno.test("plain MQTT: the line of the daily file, on the topic of its variant", () => {
  assertEquals(encodePlain(message(data({ co2: 412.1 })), TOPICS), {
    id: 17,
    channel: "t/data",
    text: '{"id":17,"timestamp":1763806800.123,"message_body":{"variant":"data","data":{"co2":412.1}}}',
  });
  assertEquals(encodePlain(message(log("INFO", "a")), TOPICS).channel, "t/log");
  assertEquals(encodePlain(message(config("accepted", 1)), TOPICS).channel, "t/status");
});

const tenta = (body: MessageBody, facts = FACTS) => {
  const encoded = encodeTenta(message(body), "SENSOR", facts);
  return "reason" in encoded ? encoded.reason : [encoded.channel, JSON.parse(encoded.text)];
};
const TENTA: [name: string, body: MessageBody, expected: unknown][] = [
  ["fault 8 of the ancestor: a measurement carries the time of measuring", data({ co2: 412.1 }), [
    "measurements/SENSOR",
    { value: { co2: 412.1 }, timestamp: MEASURED, revision: 7 },
  ]],
  [
    "fault 11: a boolean becomes 0 or 1, text stays out, the rest goes",
    data({ on: true, off: false, name: "x", n: -0.5 }),
    [
      "measurements/SENSOR",
      { value: { on: 1, off: 0, n: -0.5 }, timestamp: MEASURED, revision: 7 },
    ],
  ],
  [
    "fault 11: nothing but text is parked",
    data({ name: "x" }),
    "it has no numbers, and Tenta takes nothing else",
  ],
  ["fault 11: a key in upper case is parked", data({ CO2: 1, n: 1 }), 'Tenta does not allow the key "CO2"'],
  [
    "a key of 65 characters is parked",
    data({ ["a".repeat(65)]: 1 }),
    `Tenta does not allow the key "${"a".repeat(65)}"`,
  ],
  ["a key of 64 characters goes", data({ ["a".repeat(64)]: 1 }), [
    "measurements/SENSOR",
    { value: { ["a".repeat(64)]: 1 }, timestamp: MEASURED, revision: 7 },
  ]],
  ["levels become severities", log("EXCEPTION", "broken", "stack"), [
    "logs/SENSOR",
    { message: "broken\nstack", severity: "error", timestamp: MEASURED, revision: 7 },
  ]],
  ["a log is cut at 16,384 characters", log("DEBUG", "x".repeat(20_000)), [
    "logs/SENSOR",
    { message: "x".repeat(16_384), severity: "info", timestamp: MEASURED, revision: 7 },
  ]],
  ["accepted becomes an acknowledgment", config("accepted", 9), [
    "acknowledgments/SENSOR",
    { success: true, timestamp: MEASURED, revision: 9 },
  ]],
  ["rejected becomes an acknowledgment", config("rejected", 9), [
    "acknowledgments/SENSOR",
    { success: false, timestamp: MEASURED, revision: 9 },
  ]],
  ["fault 7: received is sent, as a log", config("received", 9), [
    "logs/SENSOR",
    { message: "configuration 9: received", severity: "info", timestamp: MEASURED, revision: 7 },
  ]],
  ["fault 7: startup is sent, as a log", config("startup", -1), [
    "logs/SENSOR",
    { message: "configuration -1: startup", severity: "info", timestamp: MEASURED, revision: 7 },
  ]],
];
for (const [name, body, expected] of TENTA) {
  Deno.test(`Tenta: ${name}`, () => assertEquals(tenta(body), expected));
}
for (const key of ["", "_a", "a_", "a__b", "a-b", "a.b", "ä", "a b", "A"]) {
  Deno.test(`Tenta: the key ${JSON.stringify(key)} is not sent`, () => {
    assertEquals(tenta(data({ [key]: 1 })), `Tenta does not allow the key ${JSON.stringify(key)}`);
  });
}
for (const key of ["a", "0", "a_b", "a_0_b", "co2"]) {
  Deno.test(`Tenta: the key ${JSON.stringify(key)} is sent`, () =>
    assert(Array.isArray(tenta(data({ [key]: 1 })))));
}

Deno.test("Tenta: fault 11 of the ancestor: revision -1 is left out, never sent", () => {
  for (const body of [data({ n: 1 }), log("INFO", "a"), config("accepted", -1), config("startup", -1)]) {
    const [, element] = tenta(body, { configRevision: -1, configuredMs: 0 }) as [
      string,
      Record<string, unknown>,
    ];
    assert(!("revision" in element), JSON.stringify(element));
  }
});

Deno.test("Tenta: what was measured under an earlier configuration does not get the revision of this one", () => {
  const [, element] = tenta(data({ n: 1 }), { configRevision: 7, configuredMs: MEASURED * 1000 + 1 }) as [
    string,
    object,
  ];
  assert(!("revision" in element));
});

Deno.test("Tenta: whatever is measured, an element that is sent obeys the server's rules", () => {
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.string());
  fc.assert(fc.property(fc.dictionary(fc.string({ maxLength: 70 }), value), (values) => {
    const encoded = tenta(data(values));
    if (typeof encoded === "string") return;
    const { value, timestamp, revision, ...others } = (encoded as [string, Record<string, unknown>])[1];
    assertEquals([others, timestamp, revision], [{}, MEASURED, 7]);
    const entries = Object.entries(value as object);
    assert(entries.length > 0);
    for (const [key, number] of entries) {
      assert(/^[a-z0-9](_?[a-z0-9])*$/.test(key) && key.length <= 64 && typeof number === "number");
    }
  }));
});

const TS = 1_763_806_800_123;
function thingsboard(...bodies: MessageBody[]) {
  const encode = createEncoder();
  return bodies.map((body, index) => {
    const encoded = encode(message(body, index + 1));
    return "reason" in encoded ? encoded.reason : JSON.parse(encoded.text);
  });
}

Deno.test("ThingsBoard: telemetry of each variant", () => {
  assertEquals(thingsboard(data({ co2: 412.1, name: "x" }), log("INFO", "a", "b"), config("rejected", 3)), [
    { ts: TS, values: { co2: 412.1, name: "x" } },
    { ts: TS, values: { logging: { level: "INFO", subject: "a", body: "b" } } },
    {
      ts: TS,
      values: { configuration: { status: "rejected", config: { general: { config_revision: 3 } } } },
    },
  ]);
});

Deno.test("ThingsBoard: two logs in one millisecond get times of their own, and keep them when they are sent again", () => {
  const encode = createEncoder();
  const times = [1, 2, 3, 2, 1, 4].map((id) => {
    const encoded = encode(message(log("INFO", "a"), id));
    return "text" in encoded ? JSON.parse(encoded.text).ts - TS : undefined;
  });
  assertEquals(times, [0, 1, 2, 1, 0, 3]);
});

Deno.test("ThingsBoard: different keys may share a millisecond", () => {
  assertEquals(thingsboard(data({ a: 1 }), data({ b: 1 }), data({ b: 2, c: 1 })).map(({ ts }) => ts - TS), [
    0,
    0,
    1,
  ]);
});

Deno.test("ThingsBoard: no value overwrites another, however many come in one millisecond", () => {
  const encode = createEncoder();
  const seen = new Set<string>();
  for (let id = 1; id <= 3000; id++) {
    const encoded = encode(message(data({ n: id, ...(id % 3 === 0 ? { m: id } : {}) }), id));
    const { ts, values } = JSON.parse((encoded as { text: string }).text);
    for (const key of Object.keys(values)) {
      assert(!seen.has(`${ts} ${key}`));
      seen.add(`${ts} ${key}`);
    }
  }
});

const DECIMALS: [value: number, text: string][] = [
  [0.1, "0.1"],
  [1.2345678901234567e-5, "0.0000123456789012"],
  [-1.5e-20, "0"],
  [1e-16, "1e-16"],
  [0.12345678901234568, "0.1234567890123457"],
  [123456.78901234567, "123456.78901234567"],
  [1e300, "1e+300"],
  [5e-324, "0"],
];
for (const [value, text] of DECIMALS) {
  Deno.test(`ThingsBoard: ${value} is sent with at most 16 decimals`, () => {
    const encoded = createEncoder()(message(data({ n: value }))) as { text: string };
    assertEquals(/"n":([^}]*)/.exec(encoded.text)![1]!.replace("-0", "0"), text);
  });
}

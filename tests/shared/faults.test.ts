// Runs in: tests.
import { assertEquals } from "@std/assert";
import * as z from "zod";
import { describeFaults, faultsOf, formatPath } from "../../src/shared/faults.ts";
import { type JsonSchema, secret } from "../../src/shared/secrets.ts";

const schema = z.strictObject({
  port: z.int().min(1).max(65_535).default(1883),
  interval: z.number().gt(0).optional(),
  share: z.number().min(0).optional(),
  level: z.enum(["DEBUG", "INFO"]).nullable().default(null),
  name: z.string().min(1).default("x"),
  code: z.string().regex(/^[a-z]+$/).optional(),
  tls: z.boolean().default(true),
  fixed: z.literal("on").optional(),
  topics: z.array(z.strictObject({ topic: z.string().describe("an MQTT topic") })).default([]),
  nothing: z.null().optional(),
  password: secret().optional(),
  even: z.number().optional().refine((value) => value === undefined || value % 2 === 0, "must be even"),
});

/** One wrong value each, and the sentence that it gets. */
const WRONG: { input: unknown; sentence: string }[] = [
  { input: { port: "1883" }, sentence: 'b[0].port: expected an integer from 1 to 65535, got "1883"' },
  { input: { port: 0 }, sentence: "b[0].port: expected an integer from 1 to 65535, got 0" },
  { input: { port: 1.5 }, sentence: "b[0].port: expected an integer from 1 to 65535, got 1.5" },
  { input: { port: null }, sentence: "b[0].port: expected an integer from 1 to 65535, got null" },
  { input: { interval: 0 }, sentence: "b[0].interval: expected a number above 0, got 0" },
  { input: { share: -1 }, sentence: "b[0].share: expected a number of at least 0, got -1" },
  { input: { level: "LOUD" }, sentence: 'b[0].level: expected one of "DEBUG", "INFO" or null, got "LOUD"' },
  { input: { name: "" }, sentence: 'b[0].name: expected text that is not empty, got ""' },
  { input: { name: 5 }, sentence: "b[0].name: expected text that is not empty, got 5" },
  { input: { code: "A" }, sentence: 'b[0].code: expected text that matches ^[a-z]+$, got "A"' },
  { input: { tls: "yes" }, sentence: 'b[0].tls: expected true or false, got "yes"' },
  { input: { fixed: "off" }, sentence: 'b[0].fixed: expected "on", got "off"' },
  { input: { topics: {} }, sentence: "b[0].topics: expected a list, got {}" },
  {
    input: { topics: [{ topic: 1 }] },
    sentence: "b[0].topics[0].topic: expected text (an MQTT topic), got 1",
  },
  { input: { topics: [{}] }, sentence: "b[0].topics[0].topic: expected text (an MQTT topic), got nothing" },
  {
    input: { topics: [{ topic: "", topc: 1 }] },
    sentence: 'b[0].topics[0]: unknown key "topc" (did you mean "topic"?)',
  },
  { input: { nothing: 1 }, sentence: "b[0].nothing: expected null, got 1" },
  { input: { prt: 1 }, sentence: 'b[0]: unknown key "prt" (did you mean "port"?)' },
  { input: { whatever: 1 }, sentence: 'b[0]: unknown key "whatever"' },
  { input: { even: 3 }, sentence: "b[0].even: must be even, got 3" },
  { input: "text", sentence: 'b[0]: expected an object, got "text"' },
  {
    input: { password: 12_345 },
    sentence: 'b[0].password: expected text, {"env": "NAME"} or {"file": "/path"}, got •••',
  },
  {
    input: { name: ["x".repeat(100)] },
    sentence: `b[0].name: expected text that is not empty, got ["${"x".repeat(55)}…`,
  },
  {
    input: { name: { token: "hunter2" } },
    sentence: 'b[0].name: expected text that is not empty, got {"token":"•••"}',
  },
];

for (const { input, sentence } of WRONG) {
  Deno.test(`a wrong value is told with its place, what is allowed and what was found: ${sentence}`, () => {
    const { error } = schema.safeParse(input);
    const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
    assertEquals(describeFaults(faultsOf(error!), jsonSchema, input, ["b", 0]), [sentence]);
  });
}

Deno.test("all faults are told at once, also of a schema that nobody knows", () => {
  const { error } = schema.safeParse({ port: 0, tls: 1, x: 1, y: 2 });
  assertEquals(describeFaults(faultsOf(error!), {}, { port: 0, tls: 1 }), [
    "port: expected something else, got 0",
    "tls: expected something else, got 1",
    '(the whole): unknown key "x"',
    '(the whole): unknown key "y"',
  ]);
});

Deno.test("a path is written as in JavaScript", () => {
  assertEquals(formatPath([]), "(the whole)");
  assertEquals(formatPath(["backends", 0, "mqtt_connection", "port"]), "backends[0].mqtt_connection.port");
});

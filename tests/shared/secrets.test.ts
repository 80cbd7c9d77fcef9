// Runs in: tests.
import { assertEquals } from "@std/assert";
import * as z from "zod";
import { type JsonSchema, redact, schemaOfKey, secret } from "../../src/shared/secrets.ts";

const schema = z.toJSONSchema(
  z.strictObject({
    user: z.string(),
    pin: secret(),
    login: z.strictObject({ key: secret().optional(), host: z.string() }).nullable(),
    list: z.array(z.strictObject({ key: secret() })).nullable(),
    map: z.record(z.string(), secret()),
  }),
  { io: "input" },
) as JsonSchema;

Deno.test("secrets are hidden wherever the schema has one, in any form; all else stays", () => {
  const value = {
    user: "ada",
    pin: "1234",
    login: { key: { env: "KEY" }, host: "example.org" },
    list: [{ key: "a" }, { key: { file: "/k" } }],
    map: { one: "x", two: { env: "Y" } },
  };
  assertEquals(redact(value, schema), {
    user: "ada",
    pin: "•••",
    login: { key: "•••", host: "example.org" },
    list: [{ key: "•••" }, { key: "•••" }],
    map: { one: "•••", two: "•••" },
  });
  assertEquals(value.pin, "1234", "the value itself must not change");
  assertEquals(redact({ login: null, pin: null }, schema), { login: null, pin: null });
});

Deno.test("keys that sound like secrets are hidden also where no schema knows them", () => {
  const value = {
    a: [{ password: "x", mqtt_password: "y", Token: { b: 1 }, access_token: 5, tokens: 3, keys: "k" }],
  };
  assertEquals(redact(value, undefined), {
    a: [{ password: "•••", mqtt_password: "•••", Token: "•••", access_token: "•••", tokens: 3, keys: "k" }],
  });
});

Deno.test("a key with the name of an object's own property has no schema", () => {
  for (const key of ["constructor", "toString", "__proto__"]) {
    assertEquals(schemaOfKey(schema, key), undefined);
  }
});

Deno.test("a secret is a text, or a reference to one, and never empty", () => {
  for (const good of ["x", { env: "NAME" }, { file: "/path" }]) {
    assertEquals(secret().safeParse(good).success, true);
  }
  for (const bad of ["", 5, null, {}, { env: "" }, { env: "A", file: "b" }, { path: "x" }]) {
    assertEquals(secret().safeParse(bad).success, false, JSON.stringify(bad));
  }
});

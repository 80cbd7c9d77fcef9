// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import * as z from "zod";
import { type JsonSchema, redact, schemaOfKey, secret, shownText } from "../../src/shared/secrets.ts";

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

Deno.test("a secret is one in whichever of several shapes it is one, in tuples and in intersections", () => {
  const own = z.toJSONSchema(
    z.strictObject({
      login: z.union([
        z.strictObject({ kind: z.literal("open"), code: z.string() }),
        z.strictObject({ kind: z.literal("closed"), code: secret() }),
      ]),
      pair: z.tuple([z.string(), secret()]),
      both: z.intersection(z.looseObject({ a: z.string() }), z.looseObject({ b: secret() })),
    }),
    { io: "input" },
  ) as JsonSchema;
  const value = {
    login: { kind: "closed", code: "1234" },
    pair: ["ada", "1234"],
    both: { a: "x", b: "1234" },
  };
  assertEquals(redact(value, own), {
    login: { kind: "closed", code: "•••" },
    pair: ["ada", "•••"],
    both: { a: "x", b: "•••" },
  });
});

const SHOWN: [text: string, shown: string][] = [
  ["no address, user@example.org at 12:30", "no address, user@example.org at 12:30"],
  ["GET https://h.example/p#top", "GET https://h.example/p#top"],
  ["at http://me:pw@h.example:80/p?a=1&key=2#x.", "at http://•••@h.example:80/p?a=•••&key=•••#x."],
  ["https://token@h.example", "https://•••@h.example"],
  ["mqtts://u:p@h", "mqtts://•••@h"],
  ["https://h/?secret", "https://h/?•••"],
  ["https://h/?a=b=c&&d", "https://h/?a=•••&&•••"],
  ['{"url":"https://h/?a=1"}', '{"url":"https://h/?a=•••"}'],
  ["https://a/?x=1 and https://b/?y=2", "https://a/?x=••• and https://b/?y=•••"],
  ["HTTPS://U:P@H/?A=B", "HTTPS://•••@H/?A=•••"],
];

for (const [text, shown] of SHOWN) {
  Deno.test(`what eyes may see of ${text}`, () => {
    assertEquals(shownText(text), shown);
    assertEquals(shownText(shown), shown);
    assertEquals(redact({ place: text }, undefined), { place: shown });
  });
}

Deno.test("a long text costs no more than its length", () => {
  const startMs = performance.now();
  for (const text of ["a.".repeat(200_000), "://".repeat(200_000), "http://@".repeat(100_000)]) {
    shownText(text);
  }
  assert(performance.now() - startMs < 2000, `${performance.now() - startMs} ms`);
});

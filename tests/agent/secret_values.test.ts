// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import * as z from "zod";
import { environmentReferences, resolveSecrets } from "../../src/agent/secret_values.ts";
import { type JsonSchema, pem, secret } from "../../src/shared/secrets.ts";

const schema = z.toJSONSchema(
  z.strictObject({
    host: z.string(),
    password: secret(),
    keys: z.array(z.strictObject({ key: secret().optional() })).optional(),
    tls: z.strictObject({ client_key: secret() }).nullable().optional(),
  }),
  { io: "input" },
) as JsonSchema;

Deno.test("secrets are put in place of what refers to them, wherever the schema has one", () => {
  const folder = Deno.makeTempDirSync();
  const file = join(folder, "key.pem");
  Deno.writeTextFileSync(file, "  from file\n\n");
  const settings = {
    host: { env: "HOST" }, // no secret: left as it is
    password: "inline",
    keys: [{ key: { env: "KEY" } }, {}],
    tls: { client_key: { file } },
  };
  const found = resolveSecrets(settings, schema, { KEY: "from environment", HOST: "x" });
  assertEquals(found.value, {
    host: { env: "HOST" },
    password: "inline",
    keys: [{ key: "from environment" }, {}],
    tls: { client_key: "from file" },
  });
  assertEquals(found.secrets.toSorted(), ["from environment", "from file", "inline"]);
  assertEquals([found.environmentNames, found.faults], [["KEY"], []]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("what cannot be had is a fault with its place, and never a secret", () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "empty"), "\n");
  const settings = {
    password: { env: "NONE" },
    keys: [{ key: { file: join(folder, "empty") } }, { key: { file: join(folder, "none") } }, {
      key: { env: "BLANK" },
    }],
    tls: null,
  };
  const { faults, secrets } = resolveSecrets(settings, schema, { BLANK: "" }, ["backends", 0]);
  assertEquals(faults.map((fault) => fault.replaceAll(folder, "").replace(/: No such.*/, "")), [
    "backends[0].password: the environment variable NONE is not set",
    "backends[0].keys[0].key: the file /empty is empty",
    "backends[0].keys[1].key: the file /none cannot be read",
    "backends[0].keys[2].key: the environment variable BLANK is not set",
  ]);
  assertEquals(secrets, []);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("a secret is read from files only: a pipe would hold main up, and a terminal could end it", () => {
  const folder = Deno.makeTempDirSync();
  const pipe = join(folder, "pipe");
  new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
  for (const file of [pipe, "/dev/ptmx", "/dev/zero", folder]) {
    const { faults, secrets } = resolveSecrets({ password: { file } }, schema, {}, ["backends", 0]);
    assertEquals(faults, [`backends[0].password: the file ${file} cannot be read: it is no file`]);
    assertEquals(secrets, []);
  }
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("settings of a wrong shape are left for the schema to judge", () => {
  for (const wrong of [null, 5, "text", [], { password: 5, keys: {}, tls: "x" }]) {
    assertEquals(resolveSecrets(wrong, schema, {}).value, wrong);
  }
});

const NO_REFERENCES: unknown[] = [
  { file: "/etc/passwd", x: 1 },
  { env: "KEY", file: "/etc/passwd" },
  { env: "KEY", x: undefined },
  { FILE: "/etc/passwd" },
  { file: ["/etc/passwd"] },
  { file: "" },
  { env: 5 },
  {},
  [{ file: "/etc/passwd" }],
  ["/etc/passwd"],
  5,
  true,
];

for (const wrong of NO_REFERENCES) {
  Deno.test(`${Deno.inspect(wrong)} in a secret's place is an error, and nothing is read for it`, () => {
    const settings = { host: "h", password: wrong, keys: [{ key: "inline" }] };
    const found = resolveSecrets(settings, schema, { KEY: "from environment" }, ["backends", 0]);
    assertEquals(found.faults, [
      'backends[0].password: expected text, {"env": "NAME"} or {"file": "/path"}, got •••',
    ]);
    assertEquals([found.value, found.secrets, found.environmentNames], [settings, ["inline"], []]);
    assertEquals(secret().safeParse(wrong).success, false, "the worker says the same of what it gets");
  });
}

Deno.test("a certificate comes from a file, never from the environment, where secrets are", () => {
  const own = z.toJSONSchema(z.strictObject({ ca: pem("CERTIFICATE") }), { io: "input" }) as JsonSchema;
  const { faults, environmentNames } = resolveSecrets({ ca: { env: "KEY" } }, own, { KEY: "secret" });
  assertEquals([faults.length, environmentNames], [1, []]);
});

Deno.test("a variable with the name of something that every object has is not set", () => {
  for (const name of ["constructor", "toString", "__proto__"]) {
    const { faults, secrets } = resolveSecrets({ password: { env: name } }, schema, {});
    assertEquals([faults, secrets], [[`password: the environment variable ${name} is not set`], []]);
  }
});

Deno.test("every environment variable that a configuration names is found, whatever stands around it", () => {
  const raw = {
    a: { env: "ONE" },
    b: [{ c: { env: "TWO" } }],
    d: { env: "x", other: 1 },
    e: null,
    f: { env: 5 },
  };
  assertEquals(environmentReferences(raw), ["ONE", "TWO"]);
});

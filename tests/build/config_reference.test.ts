// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createReference, REFERENCE_COMMAND, REFERENCE_FILE } from "../../src/build/config_reference.ts";
import { renderReference } from "../../src/build/config_tables.ts";
import { configJsonSchema } from "../../src/shared/config.ts";
import type { JsonSchema } from "../../src/shared/secrets.ts";

const written = await Deno.readTextFile(REFERENCE_FILE);

Deno.test("config/README.md says what main, the procedures and the backends say of their settings", async () => {
  assert(written === await createReference(), `config/README.md is out of date; run: ${REFERENCE_COMMAND}`);
});

Deno.test("config/README.md lists every setting that main knows, each with a meaning", () => {
  const keys = Object.entries(configJsonSchema().properties!).flatMap(([name, schema]) => {
    if (["$schema", "backends", "procedures"].includes(name)) return [];
    const object = schema.properties === undefined ? schema.anyOf?.[0] : schema;
    return Object.keys(object?.properties ?? {}).map((key) => `${name}.${key}`);
  });
  assert(keys.length > 20);
  assertEquals(keys.filter((key) => !written.includes(`\n| \`${key}\` `)), []);
  const rows = written.split("\n").filter((line) => /^\| `(?!procedures\.)/.test(line)); // those are their writers'
  assertEquals(rows.filter((row) => /\| +\|$/.test(row)), [], "these have no .describe() in their schema");
});

const SERVER: JsonSchema = { type: "object", properties: { port: { type: "integer", minimum: 1 } } };

/** A configuration with one provider's settings, and nothing else. */
function schemaWith(...providers: Record<string, JsonSchema>[]): JsonSchema {
  const oneOf = providers.map((own, index) => ({
    type: "object",
    properties: { provider: { const: `p${index}` }, ...own },
    required: ["provider", "given"],
  }));
  return { properties: { backends: { items: { oneOf } }, procedures: { properties: {} } } };
}

const ROWS: { setting: JsonSchema; row: string }[] = [
  { setting: { type: "number", exclusiveMinimum: 0 }, row: "number, above 0 | not set" },
  { setting: { type: "integer", maximum: 9 }, row: "integer, at most 9 | not set" },
  {
    setting: { type: "integer", minimum: -9007199254740991, maximum: 9007199254740991, default: 0 },
    row: "integer | `0`",
  },
  { setting: { anyOf: [{ type: "boolean" }, { type: "null" }] }, row: "true or false or null | not set" },
  { setting: { type: "array", items: { enum: ["a", 1] }, default: [] }, row: 'list of `"a"`, `1` | `[]`' },
  { setting: { type: "string", format: "uri" }, row: "URL | not set" },
  { setting: { type: "string", secret: true }, row: "secret | not set" },
  { setting: { type: "string", fetched: true }, row: "certificate | not set" },
  { setting: { const: "x" }, row: '`"x"` | not set' },
  { setting: {}, row: "any value | not set" },
];

for (const { setting, row } of ROWS) {
  Deno.test(`a setting in words: ${row}`, () => {
    const text = renderReference(schemaWith({ key: { ...setting, description: "a|b" } }));
    assertStringIncludes(text, `| \`key\` | ${row} | a\\|b |`);
  });
}

Deno.test("a secret that several backends take is no object with a section of its own", () => {
  const secret: JsonSchema = {
    anyOf: [{ type: "string" }, { type: "object", properties: { env: { type: "string" } } }],
    secret: true,
    description: "a token",
  };
  const text = renderReference(schemaWith({ token: secret }, { token: secret }));
  assertEquals(text.split("| `token` | secret | not set | a token |").length, 3);
  assertEquals(text.includes("token.env"), false);
});

Deno.test("what several backends take has a section of its own; what one takes differently stays with it", () => {
  const other = { ...SERVER, properties: { port: { type: "integer" } } };
  const text = renderReference(
    schemaWith({ server: SERVER, given: { type: "string" } }, { server: other }),
  );
  const [, first, second, shared] = text.split("### ");
  assertStringIncludes(first!, "| `server` | object | not set | see [server](#server) |");
  assertStringIncludes(first!, "| `given` | text | must be given |  |");
  assertStringIncludes(second!, "| `server.port` | integer | not set |");
  assertStringIncludes(shared!, "| `server.port` | integer, 1 or more | not set |");
});

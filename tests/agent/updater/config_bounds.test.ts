// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { exceededBound } from "../../../src/shared/config_bounds.ts";
import { describeFaults, faultsOf } from "../../../src/shared/faults.ts";
import { configJsonSchema, configSchema } from "../../../src/shared/config.ts";

function nested(depth: number): unknown {
  return depth === 0 ? 1 : { a: nested(depth - 1) };
}
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, key) => [`k${key}`, 1]));

const CASES: [name: string, config: unknown, reason: string | undefined][] = [
  ["an ordinary one", { general: { config_revision: 1 }, backends: [{ provider: "mqtt" }] }, undefined],
  ["no object", null, undefined],
  ["as deep as may be", nested(64), undefined],
  ["too deep", nested(65), "it is nested more than 64 deep"],
  [
    "lists that are too deep",
    JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`),
    "it is nested more than 64 deep",
  ],
  ["as many keys as may be", keys(10_000), undefined],
  ["too many keys", keys(60_000), "it has more than 10000 keys and elements"],
  ["a long list", { list: Array(20_000).fill(0) }, "it has more than 10000 keys and elements"],
  ["a long text", { text: "x".repeat(65_537) }, "a text in it has more than 65536 characters"],
  ["many long texts", { list: Array(5).fill("x".repeat(60_000)) }, "it is larger than 256 KiB"],
  [
    "long keys",
    Object.fromEntries([1, 2, 3].map((key) => ["x".repeat(100_000) + key, 1])),
    "it is larger than 256 KiB",
  ],
  ["keys that every object has", JSON.parse('{"__proto__": {"a": 1}, "constructor": 1}'), undefined],
];

for (const [name, config, reason] of CASES) {
  Deno.test(`bounds of a remote configuration: ${name}`, () => assertEquals(exceededBound(config), reason));
}

Deno.test("sixty thousand errors are counted, and thirty are described", () => {
  const config = { ...keys(60_000), general: {} };
  const { error } = configSchema.safeParse(config);
  const startMs = performance.now();
  const lines = describeFaults(faultsOf(error!), configJsonSchema(), config);
  assert(performance.now() - startMs < 300, `${performance.now() - startMs} ms`);
  assertEquals([lines.length, /^and \d{5} more errors$/.test(lines.at(-1)!)], [31, true]);
});

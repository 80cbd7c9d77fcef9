// Runs in: tests.
import { assertEquals } from "@std/assert";
import { withoutDocumentation } from "../../src/build/documentation.ts";

const CASES: [name: string, text: string, rest: string][] = [
  ["a line", "  /** What it is. */\n  value = 1;\n", "  value = 1;\n"],
  [
    "several lines",
    "/**\n * Adds.\n *\n * @returns **a** sum\n */\nfunction add() {}\n",
    "function add() {}\n",
  ],
  ["two, with code between", "/** a */\nf();\n/** b */\ng();\n", "f();\ng();\n"],
  ["a licence", "/** @license MIT */\nf();\n", "/** @license MIT */\nf();\n"],
  ["a comment behind code", "f(); /** why */\n", "f(); /** why */\n"],
  ["another comment", "/* f */\n// g\n", "/* f */\n// g\n"],
  ["in a text", 'const page = "/** style */\\n";\n', 'const page = "/** style */\\n";\n'],
];

for (const [name, text, rest] of CASES) {
  Deno.test(`what a binary carries, of documentation: ${name}`, () =>
    assertEquals(withoutDocumentation(text), rest));
}

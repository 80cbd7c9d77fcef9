// Runs in: tests.
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { commands } from "../../src/cli/commands.ts";
import { PROJECT } from "../support/documents.ts";

const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));

Deno.test("the README names every command", () => {
  const missing = commands.map(({ name }) => name).filter((name) =>
    !new RegExp(`\\b${name}\\b`).test(readme)
  );
  assertEquals(missing, []);
});

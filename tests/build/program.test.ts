// Runs in: tests.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { entryLiterals, findProgram } from "../../src/build/program.ts";
import { writeFixture } from "./fixture.ts";

const call = "import.meta.resolve";

const SOURCES: [name: string, source: string, specifiers: string[]][] = [
  ["a literal", `const a = ${call}("./a.ts");`, ["./a.ts"]],
  ["two on one line", `[${call}("./a.ts"), ${call}("../b/c.ts")]`, ["./a.ts", "../b/c.ts"]],
  ["wrapped by the formatter", `f(${call}(\n  "./a.ts",\n));`, ["./a.ts"]],
  ["after code that is followed by a comment", `${call}("./a.ts") // ${"x"}`, ["./a.ts"]],
  ["a line comment", `  // ${call}("./a.ts")`, []],
  ["a comment that mentions the call only", `/** {@link x} uses ${call}(…) */`, []],
  ["a block comment's line", `/**\n * ${call}("./a.ts")\n */`, []],
  ["a package", `${call}("zod")`, []],
];

for (const [name, source, specifiers] of SOURCES) {
  Deno.test(`worker entries in a source: ${name}`, () => {
    const found = entryLiterals(source, "/p/a.ts");
    assertEquals(found.map(({ specifier }) => specifier), specifiers);
    for (const { index, length } of found) {
      assertEquals(source.slice(index, index + length).endsWith(")"), true);
    }
  });
}

Deno.test("a worker entry that is no literal is refused", () => {
  const refused = () => entryLiterals(`${call}(name)`, "/p/a.ts");
  assertThrows(refused, Error, `/p/a.ts: ${call} needs a literal "./file.ts"`);
});

Deno.test("what lies outside the project is not compiled in, whatever names it", async () => {
  for (const type of ["text", "bytes"]) {
    await using project = await writeFixture({
      "procedures/a.ts":
        `import stolen from "file:///etc/hostname" with { type: "${type}" };\npostMessage(stolen);`,
    });
    const roots = [join(project.folder, "main.ts")];
    await assertRejects(
      () => findProgram(roots, join(project.folder, "deno.json")),
      Error,
      "procedures/a.ts imports /etc/hostname, which lies outside the project",
    );
  }
});

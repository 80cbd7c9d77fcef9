// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { makeDocs } from "../../src/build/api_docs.ts";
import { Scratch } from "../support/scratch.ts";

/** Does what `deno task docs` does, and keeps what it says. */
async function docs(args: string[], options: Parameters<typeof makeDocs>[2] = {}) {
  const lines: string[] = [];
  const isComplete = await makeDocs(args, (line) => lines.push(line), options);
  return { isComplete, text: lines.join("\n") };
}

Deno.test("all that procedures, backends and registries import is documented, with explicit types", async () => {
  const { isComplete, text } = await docs(["--check"]);
  assert(isComplete, text);
});

Deno.test("a symbol without a comment and a type that cannot be imported are found; zod's types are not meant", async () => {
  await using scratch = new Scratch("ivy-docs-");
  const planted = join(scratch.path, "planted.ts");
  await Deno.writeTextFile(
    planted,
    `import type { ZodType } from "npm:zod@4.6.7";
type Hidden = 1;
export const bare: number = 1;
/** Has a comment. */
export type Shown = Hidden;
/** Has a comment, too. */
export type Schema = ZodType;
`,
  );
  const { isComplete, text } = await docs([], { modules: { [planted]: "" } });
  assertEquals(isComplete, false);
  const kinds = [...text.matchAll(/^error\[(.*?)\]/gm)].map(([, kind]) => kind);
  assertEquals(kinds.sort(), ["missing-jsdoc", "private-type-ref"]);
  assertStringIncludes(text, "2 public symbols are not documented");
});

Deno.test("the pages are written, with what a procedure works with", async () => {
  await using scratch = new Scratch("ivy-docs-");
  const { text } = await docs([], { folder: join(scratch.path, "dist/docs") });
  assertEquals(text, join(scratch.path, "dist/docs/index.html"));
  const read = (page: string) => Deno.readTextFile(join(scratch.path, "dist/docs", page));
  const links = (await read("index.html")).matchAll(/href="\.\/([^"]*)"/g);
  for (const [, page] of links) assert((await read(page!)).length > 1000, page);
  const page = await read("runtime/procedure.ts/~/ProcedureContext.html");
  assertStringIncludes(page, "Aborts when the procedure has to end");
  assertStringIncludes((await docs(["--help"])).text, "Usage: deno task docs");
});

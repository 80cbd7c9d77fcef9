// Runs in: tests.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { API, lintDocs, writePages } from "../../src/build/api_docs.ts";

Deno.test("all that procedures, backends and registries import is documented, with explicit types", async () => {
  assertEquals(await lintDocs(API), [], "see: deno task docs --check");
});

Deno.test("a symbol without a comment and a type that cannot be imported are found; zod's types are not meant", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ivy-docs-" });
  try {
    const file = join(folder, "planted.ts");
    await Deno.writeTextFile(
      file,
      `import type { ZodType } from "npm:zod@4.6.7";
type Hidden = 1;
export const bare: number = 1;
/** Has a comment. */
export type Shown = Hidden;
/** Has a comment, too. */
export type Schema = ZodType;
`,
    );
    const findings = (await lintDocs([file])).map((finding) => /^error\[(.*)\].*/.exec(finding)?.[1]);
    assertEquals(findings.sort(), ["missing-jsdoc", "private-type-ref"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the pages are written, with what a procedure works with", async () => {
  const folder = await Deno.makeTempDir({ prefix: "ivy-docs-" });
  try {
    await writePages(join(folder, "docs"));
    const page = await Deno.readTextFile(join(folder, "docs/runtime/procedure.ts/~/ProcedureContext.html"));
    assertStringIncludes(page, "Aborts when the procedure has to end");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

// Runs in: tests.
import { basename, join } from "@std/path";
import { ProjectCopy } from "./project_copy.ts";
import { type Block, blocksOf, DOCUMENTS, PROJECT } from "./documents.ts";

/** The code blocks of all documents that have a role. An earlier version of something has a name of its own. */
export function codeBlocks(role: "file" | "into" | "part-of" | "same-as"): Block[] {
  return DOCUMENTS.flatMap((document) => {
    const own = blocksOf(document).filter((block) => block.role === role);
    return own.map((block) => {
      if (block.target === "configuration") return block;
      const versions = own.filter((other) =>
        other.target === block.target && nameOf(other) === nameOf(block)
      );
      const number = versions.indexOf(block) + 1;
      return number === versions.length ? block : renamed(block, `${nameOf(block)}_v${number}`);
    });
  });
}

/** What the reader makes by `cp`, with the change that the text asks for. */
const COPIED = { from: "src/backends/http.ts", to: "src/backends/my_store.ts" };

/** What `procedures/README.md` says in passing: schemas of settings, and parts of registry lines. */
function inlineCode(): string {
  const text = Deno.readTextFileSync(join(PROJECT, "procedures/README.md"));
  const found = [...text.matchAll(/(?<!`)(`{1,2})((?:z\.|permissions:|devices:).+?)\1(?!`)/g)].map((
    [, , code],
  ) => code!);
  const schemas = found.filter((code) => code.startsWith("z."));
  const lines = found.filter((code) => !code.startsWith("z.")).map((code) => `{ ${code} }`);
  if (schemas.length < 5 || lines.length < 5) throw new Error("procedures/README.md has lost its tables");
  return `// Runs in: procedure worker.
import * as z from "zod";
import type { ProcedureLine } from "../src/shared/registry.ts";

export const schemas = [${schemas.join(", ")}];
export const lines: Partial<ProcedureLine>[] = [${lines.join(", ")}];
`;
}

/** Where {@link projectWithShownCode} puts what documents say in passing. */
export const INLINE_FILE = "procedures/said_in_passing.ts";

/**
 * A copy of the project with all code of the documents in it, as a reader would paste it.
 *
 * @param adapt Changes code to what this machine has.
 */
export function projectWithShownCode(adapt: (code: string) => string = (code) => code): ProjectCopy {
  const copy = new ProjectCopy();
  copy.write(COPIED.to, copy.read(COPIED.from).replace('provider: "http"', 'provider: "my_store"'));
  copy.write(INLINE_FILE, inlineCode());
  for (const { target, text } of codeBlocks("file")) copy.write(target, adapt(`${text}\n`));
  for (const { target, text } of codeBlocks("into")) {
    if (target.endsWith(".ts")) copy.addTo(target, adapt(text));
  }
  return copy;
}

/** All entries of `procedures` that the documents show. */
export function proceduresShown(): Record<string, Record<string, unknown>> {
  return Object.assign({}, ...settingsInto("procedures"));
}

/** All other keys of a configuration that the documents show; the backends each under a name of its own. */
export function configurationShown(): Record<string, unknown> {
  const shown = settingsInto("configuration");
  const backends = shown.flatMap(({ backends = [] }) => backends as Record<string, unknown>[]);
  const named = backends.map((entry, index) => ({ ...entry, name: `shown-${index}` }));
  return Object.assign({}, ...shown, { backends: named });
}

function settingsInto(target: string): Record<string, unknown>[] {
  return codeBlocks("into").filter((block) => block.target === target).map(({ text }) =>
    JSON.parse(`{${text}}`)
  );
}

/** What a block defines: the name of its file, or the key of its lines. */
function nameOf({ role, target, text }: Block): string {
  if (role === "file") return basename(target).replace(/\..*$/, "");
  return /^"?(\w+)"?:/m.exec(text)?.[1] ?? "";
}

function renamed(block: Block, name: string): Block {
  const old = nameOf(block);
  const target = block.role === "file" ? block.target.replace(old, name) : block.target;
  return { ...block, target, text: block.text.replaceAll(old, name) };
}

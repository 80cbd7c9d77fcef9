// Runs in: tests.
import { basename } from "@std/path";
import { type Block, blocksOf, DOCUMENTS } from "./documents.ts";

/** The code blocks of all documents that have a role. An earlier version of something has a name of its own. */
export function codeBlocks(role: "file" | "into" | "part-of"): Block[] {
  return DOCUMENTS.flatMap((document) => {
    const own = blocksOf(document).filter((block) => block.role === role);
    return own.map((block) => {
      const versions = own.filter((other) =>
        other.target === block.target && nameOf(other) === nameOf(block)
      );
      const number = versions.indexOf(block) + 1;
      return number === versions.length ? block : renamed(block, `${nameOf(block)}_v${number}`);
    });
  });
}

/** All entries of `procedures` that the documents show. */
export function proceduresShown(): Record<string, Record<string, unknown>> {
  return Object.assign({}, ...settingsInto("procedures"));
}

/** All entries of `backends` that the documents show, each under a name of its own. */
export function backendsShown(): Record<string, unknown>[] {
  const entries = settingsInto("configuration").flatMap(({ backends }) =>
    backends as Record<string, unknown>[]
  );
  return entries.map((entry, index) => ({ ...entry, name: `shown-${index}` }));
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

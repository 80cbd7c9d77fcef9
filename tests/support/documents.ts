// Runs in: tests.
import { fromFileUrl, join } from "@std/path";

export const PROJECT: string = fromFileUrl(new URL("../../", import.meta.url));

/** What people read, relative to the project. */
export const DOCUMENTS = ["README.md", "procedures/README.md", "src/backends/README.md", "config/README.md"];

/** A fenced block of a document. */
export interface Block {
  document: string;
  /** Of its first line, from 1. */
  line: number;
  /** The first word behind the fence; empty when there is none. */
  language: string;
  /**
   * What stands behind the language, and says what the block is:
   * `file=PATH` a whole file; the last one in a document counts, those before are earlier versions of it;
   * `into=PATH` lines that are added to the list in a file; `into=procedures` or `into=configuration`, keys of a
   * configuration;
   * `same-as=PATH` the whole of a file of the project;
   * `part-of=PATH` lines that stand in the last `file=PATH` of the document, or in the project's file.
   */
  role: string;
  /** What the role names. */
  target: string;
  text: string;
}

/** All fenced blocks of a document. */
export function blocksOf(document: string): Block[] {
  const text = Deno.readTextFileSync(join(PROJECT, document));
  return [...text.matchAll(/^```(\w*) ?([\w-]*)=?(\S*)\n([^]*?)^```$/gm)].map((found) => {
    const [, language = "", role = "", target = "", body = ""] = found;
    const line = text.slice(0, found.index).split("\n").length + 1;
    return { document, line, language, role, target, text: body.trimEnd() };
  });
}

/** `procedures/README.md:12` */
export function placeOf({ document, line }: Block): string {
  return `${document}:${line}`;
}

/** The commands of a `sh` block, without what is said about them. */
export function commandsIn({ text }: Block): string[] {
  return text.split("\n").map((line) => line.replace(/ +# .*$/, "").trim()).filter((line) => line !== "");
}

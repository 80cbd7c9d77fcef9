// Runs in: main thread.
import { findRoot } from "../agent/paths.ts";
import type { Command, CommandContext, Completion, Flag } from "./command.ts";
import { GLOBAL_FLAGS } from "./commands.ts";
import { valuesOnNode } from "./completion_values.ts";

/** A word that may stand where the cursor is. */
export interface Candidate {
  word: string;
  /** One line, where there is something to say. */
  summary?: string;
}

/** What the shell is to offer; `shell` = besides, what it knows itself. */
export interface Offer {
  candidates: Candidate[];
  shell?: Completion["shell"];
}

/** A command line as far as it is typed. */
interface Typed {
  command: Command | undefined;
  /** Positional arguments after the command's name. */
  args: string[];
  /** The flag whose value stands at the cursor. */
  flag: Flag | undefined;
  root: string | undefined;
}

/**
 * What may stand at the cursor.
 *
 * @param words The words after the program's name; the last one is being typed.
 */
export async function offerFor(
  words: string[],
  { commands, parts, environment }: Pick<CommandContext, "commands" | "parts" | "environment">,
): Promise<Offer> {
  const current = words.at(-1) ?? "";
  const typed = takeApart(words.slice(0, -1), commands);
  const { candidates, shell } = await offer(typed, current, { commands, parts, environment });
  const fitting = candidates.filter(({ word }) => word.startsWith(current));
  return { candidates: fitting, ...(shell === undefined ? {} : { shell }) };
}

async function offer(
  { command, args, flag, root }: Typed,
  current: string,
  { commands, parts, environment }: Pick<CommandContext, "commands" | "parts" | "environment">,
): Promise<Offer> {
  const find = async (completion: Completion | undefined): Promise<Offer> => {
    const node = { root: findRoot(root, (name) => environment[name]), parts };
    const found = await Promise.all((completion?.values ?? []).map((kind) => valuesOnNode(kind, node)));
    const words = [...completion?.words ?? [], ...found.flat()];
    const { shell } = completion ?? {};
    return { candidates: words.map((word) => ({ word })), ...(shell === undefined ? {} : { shell }) };
  };
  if (flag !== undefined) return await find(flag.completes);
  if (current.startsWith("-")) return { candidates: flagsOf(command) };
  if (command === undefined) {
    return { candidates: commands.map(({ name, summary }) => ({ word: name, summary })) };
  }
  const first = args.length === 0 && command.words !== undefined ? { words: command.words } : undefined;
  const found = await find(command.completes === undefined ? first : command.completes(args));
  return found.candidates.length === 0 && found.shell === undefined
    ? { candidates: flagsOf(command) }
    : found;
}

function flagsOf(command: Command | undefined): Candidate[] {
  return [...command?.flags ?? [], ...GLOBAL_FLAGS].map(({ name, summary }) => ({
    word: `--${name}`,
    summary,
  }));
}

/** Reads a line that need not be right yet. */
function takeApart(words: string[], commands: readonly Command[]): Typed {
  const typed: Typed = { command: undefined, args: [], flag: undefined, root: undefined };
  for (const word of words) {
    if (typed.flag !== undefined) {
      if (typed.flag.name === "root") typed.root = word;
      typed.flag = undefined;
    } else if (word.startsWith("-")) {
      const known = [...typed.command?.flags ?? [], ...GLOBAL_FLAGS];
      typed.flag = known.find(({ name, short, value }) =>
        value !== undefined && (word === `--${name}` || word === `-${short}`)
      );
      if (word.startsWith("--root=")) typed.root = word.slice("--root=".length);
    } else if (typed.command === undefined) {
      typed.command = commands.find(({ name }) => name === word);
    } else typed.args.push(word);
  }
  return typed;
}

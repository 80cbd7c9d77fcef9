// Runs in: main thread.
import { parseArgs } from "@std/cli/parse-args";
import type { Parts } from "../agent/parts.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { becomeOwnerOf } from "../agent/owner.ts";
import { checkIsFolder, findRoot } from "../agent/paths.ts";
import { reportError, sentenceOf } from "../shared/errors.ts";
import { didYouMean } from "../shared/nearest.ts";
import type { Command, CommandContext, Flag } from "./command.ts";
import { commands as shippedCommands, GLOBAL_FLAGS } from "./commands.ts";
import { createOutput, type Output } from "./output.ts";

export interface CommandLineOptions {
  commands?: readonly Command[];
  /** What the program is made of; default: what this repository ships. */
  parts?: Parts;
}

/** What is made here nobody else may write, however careless the mask that it was started with. */
const OTHERS_WRITE = 0o022;

/**
 * Runs one command line.
 *
 * @returns the exit status; errors have been printed as one sentence.
 */
export async function runCommandLine(words: string[], options: CommandLineOptions = {}): Promise<ExitStatus> {
  const environment = Deno.env.toObject();
  Deno.umask(Deno.umask() | OTHERS_WRITE);
  const out = createOutput(environment["NO_COLOR"]);
  try {
    return await dispatch(words, out, environment, options);
  } catch (error) {
    out.note(`ivy: ${sentenceOf(error)}`);
    if (words.includes("--verbose")) out.note(reportError(error).stack);
    return error instanceof CommandError ? error.exitStatus : EXIT.failed;
  }
}

async function dispatch(
  words: string[],
  out: Output,
  environment: Record<string, string>,
  options: CommandLineOptions,
): Promise<ExitStatus> {
  const commands = options.commands ?? shippedCommands;
  const { command, rest } = findCommand(words, commands);
  const { flags, args } = parseWords(command, rest);
  const context: CommandContext = {
    flags,
    args,
    out,
    get root() {
      const root = checkIsFolder(findRoot(flags["root"] as string | undefined, (name) => environment[name]));
      if (command.needsRoot !== true) becomeOwnerOf(root);
      return root;
    },
    commands,
    parts: async () => options.parts ?? (await import("../agent/parts.ts")).shippedParts,
    environment,
  };
  if (flags["help"] === true) {
    const { printHelp } = await import("./help.ts");
    printHelp(out, commands, command);
    return EXIT.done;
  }
  const { default: run } = await command.load();
  return await run(context);
}

/** The first word that is no flag names the command; without one it is `help`. */
function findCommand(words: string[], commands: readonly Command[]): { command: Command; rest: string[] } {
  const valueFlags = GLOBAL_FLAGS.filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`);
  const index = words.findIndex((word, i) =>
    !word.startsWith("-") && !valueFlags.includes(words[i - 1] ?? "")
  );
  const name = index === -1 ? "help" : words[index]!;
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const hint = didYouMean(name, commands.map((candidate) => candidate.name));
    throw new CommandError(`there is no command "${name}"${hint}; see: ivy help`, EXIT.wrongUsage);
  }
  return { command, rest: words.filter((_, i) => i !== index) };
}

/**
 * Takes a command's words apart by its row of the table.
 *
 * @throws {CommandError} for an unknown flag, a flag without its value, or a word too many.
 */
export function parseWords(command: Command, words: string[]): Pick<CommandContext, "flags" | "args"> {
  const known = [...GLOBAL_FLAGS, ...command.flags ?? []];
  const isBoolean = ({ value }: Flag) => value === undefined;
  const parsed = parseArgs(words, {
    boolean: known.filter(isBoolean).map(({ name }) => name),
    string: [...known.filter((flag) => !isBoolean(flag)).map(({ name }) => name), "_"],
    alias: Object.fromEntries(known.flatMap(({ name, short }) => short === undefined ? [] : [[short, name]])),
    unknown: (word: string) => refuseUnknown(command, known, word),
  });
  const flags = Object.fromEntries(known.map(({ name }) => [name, parsed[name]]));
  for (const { name, value } of known) {
    if (value !== undefined && flags[name] === "") {
      throw usageError(command, `--${name} needs a value (${value})`);
    }
  }
  const args = parsed._.map(String);
  if (flags["help"] !== true) checkArgs(command, args);
  return { flags, args };
}

function refuseUnknown(command: Command, known: Flag[], word: string): true {
  if (!word.startsWith("-")) return true;
  const hint = didYouMean(word.replace(/=.*/, ""), known.map(({ name }) => `--${name}`));
  throw usageError(command, `there is no flag "${word}"${hint}`);
}

function checkArgs({ words, maxArgs = 0, ...command }: Command, args: string[]): void {
  if (args.length > maxArgs) throw usageError(command, `"${args[maxArgs]}" is one word too many`);
  const [first] = args;
  if (words === undefined || (first !== undefined && words.includes(first))) return;
  const hint = first === undefined ? "" : `, not "${first}"${didYouMean(first, words)}`;
  throw usageError(command, `expected ${words.join(", ")}${hint}`);
}

function usageError({ name }: Pick<Command, "name">, problem: string): CommandError {
  return new CommandError(`${name}: ${problem}; see: ivy help ${name}`, EXIT.wrongUsage);
}

// Runs in: main thread.
import type { Parts } from "../agent/parts.ts";
import type { ExitStatus } from "../agent/errors.ts";
import type { Output } from "./output.ts";

/** What the shell may put where the cursor is. */
export interface Completion {
  words?: readonly string[];
  /** What is looked up on the node. */
  values?: readonly NodeValues[];
  /** Names of files or folders, or of this machine's users, which the shell knows itself. */
  shell?: "file" | "folder" | "user";
}

/** What a node has that a command line may name. */
export type NodeValues =
  | "procedures"
  | "backends"
  | "versions"
  | "state_paths"
  | "config_paths"
  | "origins"
  | "days";

/** A flag of a command. */
export interface Flag {
  /** Without the dashes. */
  name: string;
  /** One letter, without the dash. */
  short?: string;
  /** What stands for the value in the help, for example `DIR`; undefined = the flag has no value. */
  value?: string;
  summary: string;
  /** What may stand for the value. */
  completes?: Completion;
}

export const JSON_FLAG: Flag = { name: "json", summary: "print the facts as JSON" };
export const FILE: Completion = { shell: "file" };

/** One row of the table of commands: feeds the parser, the help, the completions and "did you mean". */
export interface Command {
  name: string;
  /** One line, without a full stop. */
  summary: string;
  /** Positional arguments as the help shows them, for example `validate [FILE] | show | schema`. */
  args?: string;
  /** The words that may stand first among the positional arguments, for completion and checking. */
  words?: readonly string[];
  /** How many positional arguments may stand at most; default 0. */
  maxArgs?: number;
  /** What may stand next, after these positional arguments; default: {@link words} as the first. */
  completes?: (args: string[]) => Completion | undefined;
  flags?: readonly Flag[];
  /** Lines to type, each with what it does. */
  examples: readonly (readonly [line: string, what: string])[];
  /**
   * Parts of it only root may do, so it gives root's rights up by itself before it touches the root folder. For all other
   * commands that has happened when they ask for the root.
   */
  needsRoot?: true;
  /** Loads the command's own file, so that other commands need not wait for it. */
  load: () => Promise<{ default: (context: CommandContext) => Promise<ExitStatus> }>;
}

/** What a command works with. */
export interface CommandContext {
  flags: Record<string, string | boolean | undefined>;
  args: string[];
  out: Output;
  /** The root that is meant; it need not exist. @throws {CommandError} when a file is in its place. */
  readonly root: string;
  /** All commands, in the table's order. */
  commands: readonly Command[];
  /** Loads what the program is made of. */
  parts: () => Promise<Parts>;
  /** The environment as it was when the process started. */
  environment: Record<string, string>;
}

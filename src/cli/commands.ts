// Runs in: main thread.
import type { Command, Flag } from "./command.ts";
import { dataCommands } from "./commands_data.ts";
import { runningCommands } from "./commands_running.ts";
import { versionCommands } from "./commands_version.ts";

/** Flags that every command has. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: "root",
    value: "DIR",
    summary: "the node's folder (default: $IVY_ROOT, the binary's own, ~/Documents/ivy)",
    completes: { shell: "folder" },
  },
  { name: "help", short: "h", summary: "show the command's help" },
  { name: "verbose", summary: "show stack traces of errors" },
];

/**
 * Every command. A fork adds its own row and file; it then appears in the help, the completions and the suggestions.
 */
export const commands: readonly Command[] = [
  ...runningCommands,
  ...dataCommands,
  ...versionCommands,
  {
    name: "completions",
    summary: "print a completion script for a shell",
    args: "bash | zsh | fish",
    words: ["bash", "zsh", "fish"],
    maxArgs: 1000,
    completes: ([shell]) => shell === undefined ? { words: ["bash", "zsh", "fish"] } : undefined,
    examples: [["ivy completions bash > ~/.local/share/bash-completion/completions/ivy", "for bash"]],
    load: () => import("./completions.ts"),
  },
  {
    name: "help",
    summary: "show the commands, or one command's help",
    args: "[COMMAND]",
    maxArgs: 1,
    completes: (args) => args.length === 0 ? { words: commands.map(({ name }) => name) } : undefined,
    examples: [["ivy help logs", "the same as: ivy logs --help"]],
    load: () => import("./help.ts"),
  },
];

// Runs in: main thread.
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { didYouMean } from "../shared/nearest.ts";
import { version } from "../shared/version.ts";
import type { Command, CommandContext, Flag } from "./command.ts";
import { GLOBAL_FLAGS } from "./commands.ts";
import { alignColumns, type Output, paint } from "./output.ts";

const EXIT_STATUSES =
  "Exit status: 0 done · 1 failed · 2 wrong usage · 3 not running · 75 already running · 78 invalid configuration";

/** `ivy help [COMMAND]` */
export default function help({ args: [name], out, commands }: CommandContext): Promise<ExitStatus> {
  const command = commands.find((candidate) => candidate.name === name);
  if (name !== undefined && command === undefined) {
    const hint = didYouMean(name, commands.map((candidate) => candidate.name));
    throw new CommandError(`there is no command "${name}"${hint}; see: ivy help`, EXIT.wrongUsage);
  }
  printHelp(out, commands, command);
  return Promise.resolve(EXIT.done);
}

/** Prints one command's help, or the list of all. */
export function printHelp(out: Output, commands: readonly Command[], command: Command | undefined): void {
  const lines = command === undefined ? overview(commands) : commandHelp(command);
  for (const line of lines) out.print(line);
}

function overview(commands: readonly Command[]): string[] {
  const rows = commands.map(({ name, summary }) => [`  ${paint.bold(name)}`, summary]);
  return [
    `Ivy ${version}: runs measurement procedures on a sensor node and never loses a measurement`,
    "",
    `${paint.bold("Usage:")} ivy COMMAND [FLAGS]     ivy COMMAND --help`,
    "",
    ...alignColumns(rows),
    "",
    ...flagRows(GLOBAL_FLAGS),
    "",
    EXIT_STATUSES,
  ];
}

function commandHelp({ name, summary, args, flags = [], examples }: Command): string[] {
  const usage = ["ivy", name, ...(args === undefined ? [] : [args]), "[FLAGS]"].join(" ");
  return [
    `ivy ${name}: ${summary}`,
    "",
    `${paint.bold("Usage:")} ${usage}`,
    "",
    ...flagRows([...flags, ...GLOBAL_FLAGS]),
    "",
    paint.bold("Examples:"),
    ...examples.flatMap(([line, what]) => [`  ${line}`, `      ${paint.dim(what)}`]),
  ];
}

function flagRows(flags: readonly Flag[]): string[] {
  return alignColumns(flags.map(({ name, short, value, summary }) => {
    const long = value === undefined ? `--${name}` : `--${name} ${value}`;
    return [short === undefined ? `      ${long}` : `  -${short}, ${long}`, summary];
  }));
}

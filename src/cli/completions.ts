// Runs in: main thread.
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import type { Command, CommandContext } from "./command.ts";
import { GLOBAL_FLAGS } from "./commands.ts";

/** `ivy completions bash|zsh|fish`: made from the table of commands. */
export default function completions({ args: [shell], out, commands }: CommandContext): Promise<ExitStatus> {
  const script = shell === "fish"
    ? fishScript(commands)
    : shell === "zsh"
    ? zshScript(commands)
    : bashScript(commands);
  out.print(script);
  return Promise.resolve(EXIT.done);
}

/** What may follow a command's name. */
function wordsAfter({ name, words = [], flags = [] }: Command, commands: readonly Command[]): string {
  const first = name === "help" ? commands.map((command) => command.name) : words;
  return [...first, ...[...flags, ...GLOBAL_FLAGS].map((flag) => `--${flag.name}`)].join(" ");
}

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    ${command.name}) words="${wordsAfter(command, commands)}" ;;`);
  return `# bash completion for ivy
_ivy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    --root) COMPREPLY=($(compgen -d -- "$current")); return ;;
    --config|validate) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${commands.map(({ name }) => name).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _ivy ivy`;
}

function zshScript(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    '${name}:${quote(summary)}'`);
  const cases = commands.map((command) =>
    `    ${command.name}) compadd -- ${wordsAfter(command, commands)} ;;`
  );
  return `#compdef ivy
_ivy() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  if [[ "\${words[CURRENT-1]}" == --root ]]; then
    _files -/
    return
  fi
  case "\${words[2]}" in
${cases.join("\n")}
  esac
}
compdef _ivy ivy`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => {
    const inside = `complete -c ivy -n '__fish_seen_subcommand_from ${command.name}'`;
    const flags = [...command.flags ?? [], ...GLOBAL_FLAGS];
    return [
      `complete -c ivy -n __fish_use_subcommand -f -a ${command.name} -d '${quote(command.summary)}'`,
      ...(command.words ?? []).map((word) => `${inside} -f -a ${word}`),
      ...flags.map((flag) =>
        `${inside} -l ${flag.name}${flag.value ? " -r" : ""} -d '${quote(flag.summary)}'`
      ),
    ];
  });
  return ["# fish completion for ivy", ...lines].join("\n");
}

function quote(text: string): string {
  return text.replaceAll("'", "").replaceAll(":", " -");
}

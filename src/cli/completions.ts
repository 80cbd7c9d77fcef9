// Runs in: main thread.
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import type { CommandContext } from "./command.ts";
import { offerFor } from "./completion_words.ts";

/**
 * `ivy completions bash|zsh|fish`: a script that asks `ivy completions SHELL -- WORDS…` at each Tab, so that it never
 * grows old. The answer: a line per word, with its summary after a tab; first `:file`, `:folder` or `:user` where the
 * shell is to offer these itself.
 */
export default async function completions(context: CommandContext): Promise<ExitStatus> {
  const { args: [shell, ...words], out } = context;
  if (words.length > 0) {
    const { candidates, shell: own } = await offerFor(words, context);
    if (own !== undefined) out.print(`:${own}`);
    for (const { word, summary } of candidates) {
      out.print(summary === undefined ? word : `${word}\t${summary}`);
    }
    return EXIT.done;
  }
  out.print(shell === "fish" ? FISH : shell === "zsh" ? ZSH : BASH);
  return EXIT.done;
}

const BASH = `# bash completion for ivy
_ivy() {
  local current="\${COMP_WORDS[COMP_CWORD]}" program="\${COMP_WORDS[0]/#\\~/$HOME}" line own=()
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :file) mapfile -t own < <(compgen -f -- "$current"); compopt -o filenames 2>/dev/null ;;
      :folder) mapfile -t own < <(compgen -d -- "$current"); compopt -o filenames 2>/dev/null ;;
      :user) mapfile -t own < <(compgen -u -- "$current") ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("$program" completions bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY+=("\${own[@]}")
}
complete -F _ivy ivy`;

const ZSH = `#compdef ivy
_ivy() {
  local line word program="\${words[1]/#\\~/$HOME}"
  local -a found shown
  for line in "\${(@f)$("$program" completions zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case "$line" in
      :file) _files ;;
      :folder) _files -/ ;;
      :user) _users ;;
      ?*)
        word="\${line%%$'\\t'*}"
        found+=("$word")
        shown+=("\${word}\${line#"$word"}")
        ;;
    esac
  done
  shown=("\${(@)shown//$'\\t'/  -- }")
  (( \${#found} )) && compadd -l -d shown -a found
}
compdef _ivy ivy`;

const FISH = `# fish completion for ivy
function __ivy_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (eval (string escape -- (string replace -r '^~' $HOME -- $words[1])) completions fish -- (string escape -- $words[2..-1]) (string escape -- "$current") 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path $current
            case :folder
                __fish_complete_directories $current
            case :user
                __fish_complete_users
            case '*'
                echo $line
        end
    end
end
complete -c ivy -f -a '(__ivy_words)'`;

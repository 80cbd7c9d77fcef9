// Runs in: main thread.
import { LEVELS } from "../shared/message.ts";
import type { Command, Flag } from "./command.ts";

const JSON_FLAG: Flag = { name: "json", summary: "print the facts as JSON" };

/** Flags that every command has. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  {
    name: "root",
    value: "DIR",
    summary: "the node's folder (default: $IVY_ROOT, the binary's own, ~/Documents/ivy)",
  },
  { name: "help", short: "h", summary: "show the command's help" },
  { name: "verbose", summary: "show stack traces of errors" },
];

/**
 * Every command. A fork adds its own row and file; it then appears in the help, the completions and the suggestions.
 */
export const commands: readonly Command[] = [
  {
    name: "run",
    summary: "measure, in the foreground, until SIGTERM or SIGINT",
    flags: [
      { name: "messages", summary: "print every message as it is stored" },
      { name: "no-console", summary: "print no log lines; they are in the daily log file" },
    ],
    examples: [
      ["ivy run", "measure until Ctrl-C; what is missing in the root is created"],
      ["ivy run --root /data/ivy --messages", "show each message as it is stored"],
    ],
    load: () => import("./run.ts"),
  },
  {
    name: "start",
    summary: "measure in the background; return when every procedure has been started",
    examples: [["ivy start", "fine to call every minute from cron: one that runs already is left alone"]],
    load: () => import("./start.ts"),
  },
  {
    name: "stop",
    summary: "end the agent: procedures first, then the store",
    examples: [["ivy stop", "waits until everything is safe on disk"]],
    load: () => import("./stop.ts"),
  },
  {
    name: "restart",
    summary: "stop, then start in the background",
    examples: [["ivy restart", "takes a changed configuration into use"]],
    load: () => import("./restart.ts"),
  },
  {
    name: "status",
    summary: "show whether the node is well: procedures, messages, memory",
    flags: [JSON_FLAG],
    examples: [["ivy status", "exit status 3 when the agent does not run"], [
      "ivy status --json",
      "for programs",
    ]],
    load: () => import("./status.ts"),
  },
  {
    name: "info",
    summary: "show versions, paths and the machine",
    flags: [JSON_FLAG],
    examples: [["ivy info", "works also when the agent does not run"]],
    load: () => import("./info.ts"),
  },
  {
    name: "init",
    summary: "create the root with a configuration, and print the next steps",
    examples: [["ivy init --root /data/ivy", "changes nothing that is there already"]],
    load: () => import("./init.ts"),
  },
  {
    name: "config",
    summary: "check, show or describe the configuration",
    args: "validate [FILE] | show | schema",
    words: ["validate", "show", "schema"],
    maxArgs: 2,
    flags: [JSON_FLAG],
    examples: [
      ["ivy config validate", "every fault at once; exit status 78 when there is one"],
      ["ivy config validate new.json", "check another file"],
      ["ivy config show", "the configuration in use, without its secrets"],
      ["ivy config schema", "JSON Schema, for editors"],
    ],
    load: () => import("./config.ts"),
  },
  {
    name: "logs",
    summary: "show the log",
    flags: [
      { name: "follow", short: "f", summary: "go on with new lines until Ctrl-C" },
      { name: "level", value: "LEVEL", summary: `least level: ${LEVELS.join(", ")}` },
      {
        name: "since",
        value: "TIME",
        summary: "only younger lines: 90s, 30m, 2h, 7d, or a time such as 2026-11-22T12:00",
      },
      { name: "origin", value: "NAME", summary: "only one component's lines" },
      { name: "date", value: "DAY", summary: "one UTC day, such as 2026-11-22" },
    ],
    examples: [
      ["ivy logs -f", "watch"],
      ["ivy logs --since 2h --level WARNING", "what went wrong lately"],
    ],
    load: () => import("./logs.ts"),
  },
  {
    name: "messages",
    summary: "show, count, export and send again what was stored",
    args: "tail | stats | export | replay | parked [list|retry|drop] [ID …]",
    words: ["tail", "stats", "export", "replay", "parked"],
    maxArgs: 1000,
    flags: [
      { name: "number", short: "n", value: "N", summary: "tail: how many (default 10)" },
      { name: "follow", short: "f", summary: "tail: go on with new messages until Ctrl-C" },
      {
        name: "from",
        value: "TIME",
        summary: "from this time on: 2026-11-22, 2026-11-22T12:00 (UTC), 30m, 2h, 7d ago",
      },
      { name: "to", value: "TIME", summary: "up to, not including, this time" },
      { name: "format", value: "FORMAT", summary: "export: jsonl (default) or csv" },
      { name: "variant", value: "VARIANT", summary: "export: only data, log or config (csv: default data)" },
      { name: "keys", value: "A,B", summary: "export: only these keys of the data, in this order" },
      { name: "output", short: "o", value: "FILE", summary: "export: to a file (default: stdout)" },
      { name: "backend", value: "NAME", summary: "replay, parked: of this backend" },
      JSON_FLAG,
    ],
    examples: [
      ["ivy messages tail -f", "watch what is stored"],
      ["ivy messages stats", "per backend: accepted = acknowledged + waiting + parked + dropped"],
      ["ivy messages export --from 7d --format csv -o week.csv", "one column per key"],
      ["ivy messages replay --backend tenta --from 2026-11-01 --to 2026-11-08", "send a week again"],
      ["ivy messages parked list", "what a server can never take, and why"],
      ["ivy messages parked retry --backend tenta 17 18", "try these again; without numbers, all"],
    ],
    load: () => import("./messages.ts"),
  },
  {
    name: "state",
    summary: "show what the procedures share: live, else as it was saved last",
    args: "[PATH] | watch [PATH]",
    maxArgs: 2,
    flags: [JSON_FLAG],
    examples: [
      ["ivy state", "everything; when the agent does not run, the snapshot, with its age on stderr"],
      ["ivy state system.load_5m", "one value"],
      ["ivy state watch system", "now, and after each change until Ctrl-C"],
    ],
    load: () => import("./state.ts"),
  },
  {
    name: "test",
    summary: "check that this device can do its work: configuration, disk, every procedure's hardware",
    flags: [
      { name: "config", value: "FILE", summary: "test with this configuration instead" },
      { name: "procedure", value: "NAME", summary: "only this procedure's own test" },
    ],
    examples: [["ivy test", "one line per test; exit status 1 when one fails"]],
    load: () => import("./test_command.ts"),
  },
  {
    name: "update",
    summary: "bring another version, test it on this device, and switch to it on probation",
    args: "VERSION | FILE | --check [VERSION | FILE]",
    maxArgs: 1,
    flags: [{ name: "check", summary: "only look whether it is there and rightly signed" }, JSON_FLAG],
    examples: [
      ["ivy update 1.3.0", "from where the configuration says"],
      ["ivy update latest", "the newest release"],
      ["ivy update /media/usb/ivy-aarch64-unknown-linux-gnu", "from a release's files beside this one"],
      ["ivy update --check", "is there a newest release, and who signed it?"],
    ],
    load: () => import("./update.ts"),
  },
  {
    name: "rollback",
    summary: "go back to the version before, with its configuration",
    examples: [["ivy rollback", "whether the agent runs or not"]],
    load: () => import("./rollback.ts"),
  },
  {
    name: "doctor",
    summary: "look for what is wrong: node, machine, disk, network, servers, updates, service",
    flags: [
      { name: "bundle", value: "FILE", summary: "also write a .tar.gz for a bug report, without secrets" },
      JSON_FLAG,
    ],
    examples: [
      ["sudo ivy doctor", "a line per check, with what to do; exit status 1 when something is wrong"],
      ["ivy doctor --bundle report.tar.gz", "logs, status, configuration without its secrets, versions"],
    ],
    load: () => import("./doctor.ts"),
  },
  {
    name: "install",
    summary: "make the node a service that starts with the machine: systemd, or cron",
    flags: [
      { name: "user", value: "NAME", summary: "whose rights it has; made when missing (default: ivy)" },
      { name: "cron", summary: "without systemd: two lines in the crontab (default: your own)" },
      { name: "dry-run", summary: "only show what would be done" },
    ],
    examples: [
      ["sudo ivy install --root /var/lib/ivy", "doing it again changes nothing that is right already"],
      ["ivy install --dry-run", "what would be done?"],
      ["ivy install --cron", "needs neither root nor systemd"],
    ],
    load: () => import("./install.ts"),
  },
  {
    name: "uninstall",
    summary: "make it no service any more; its folder, its measurements and its user stay",
    flags: [
      { name: "user", value: "NAME", summary: "with --cron: whose crontab (default: your own)" },
      { name: "cron", summary: "remove the lines from the crontab" },
      { name: "dry-run", summary: "only show what would be done" },
    ],
    examples: [["sudo ivy uninstall", "ends the agent and removes the unit"]],
    load: () => import("./uninstall.ts"),
  },
  {
    name: "release",
    summary: "make keys, sign and check releases; on the computer that publishes them, never on a node",
    args: "keygen KEYFILE | sign --key KEYFILE DIR | verify --key KEYFILE.pub DIR",
    words: ["keygen", "sign", "verify"],
    maxArgs: 2,
    flags: [{ name: "key", value: "KEYFILE", summary: "sign: the secret key; verify: the public one" }],
    examples: [
      ["ivy release keygen ~/ivy.key", "writes ~/ivy.key (keep it secret) and ~/ivy.key.pub"],
      ["ivy release sign --key ~/ivy.key dist/release", "adds a line to SHA256SUMS.sig"],
      ["ivy release verify --key ~/ivy.key.pub dist/release", "signature and every file"],
    ],
    load: () => import("./release.ts"),
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    args: "bash | zsh | fish",
    words: ["bash", "zsh", "fish"],
    maxArgs: 1,
    examples: [["ivy completions bash > ~/.local/share/bash-completion/completions/ivy", "for bash"]],
    load: () => import("./completions.ts"),
  },
  {
    name: "help",
    summary: "show the commands, or one command's help",
    args: "[COMMAND]",
    maxArgs: 1,
    examples: [["ivy help logs", "the same as: ivy logs --help"]],
    load: () => import("./help.ts"),
  },
];

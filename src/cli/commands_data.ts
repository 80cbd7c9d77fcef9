// Runs in: main thread.
import { LEVELS, VARIANTS } from "../shared/message.ts";
import { type Command, FILE, JSON_FLAG } from "./command.ts";

/** Commands for what a node has: its configuration, its log, its messages, its state. */
export const dataCommands: readonly Command[] = [
  {
    name: "config",
    summary: "check, show or describe the configuration; allow a remote one",
    args: "validate [FILE] | show [PATH] | schema | accept REVISION",
    words: ["validate", "show", "schema", "accept"],
    maxArgs: 2,
    completes: ([action, ...rest]) => {
      if (action === undefined) return { words: ["validate", "show", "schema", "accept"] };
      if (rest.length > 0) return undefined;
      return action === "show" ? { values: ["config_paths"] } : action === "validate" ? FILE : undefined;
    },
    flags: [JSON_FLAG],
    examples: [
      ["ivy config validate", "every fault at once; exit status 78 when there is one"],
      ["ivy config validate new.json", "check another file"],
      ["ivy config show", "the configuration in use, without its secrets"],
      ["ivy config show backends[0].mqtt_connection", "a part of it"],
      ["ivy config schema", "JSON Schema, for editors"],
      ["ivy config accept 17", "allow revision 17 to send secrets elsewhere, and to read what it names"],
    ],
    load: () => import("./config.ts"),
  },
  {
    name: "logs",
    summary: "show the log",
    flags: [
      { name: "follow", short: "f", summary: "go on with new lines until Ctrl-C" },
      {
        name: "level",
        value: "LEVEL",
        summary: `least level: ${LEVELS.join(", ")}`,
        completes: { words: LEVELS },
      },
      {
        name: "since",
        value: "TIME",
        summary: "only younger lines: 90s, 30m, 2h, 7d, or a time such as 2026-11-22T12:00",
      },
      {
        name: "origin",
        value: "NAME",
        summary: "only one component's lines",
        completes: { values: ["origins"] },
      },
      {
        name: "date",
        value: "DAY",
        summary: "one UTC day, such as 2026-11-22",
        completes: { values: ["days"] },
      },
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
    completes: ([action, second]) => {
      if (action === undefined) return { words: ["tail", "stats", "export", "replay", "parked"] };
      return action === "parked" && second === undefined ? { words: ["list", "retry", "drop"] } : undefined;
    },
    flags: [
      { name: "number", short: "n", value: "N", summary: "tail: how many (default 10)" },
      { name: "follow", short: "f", summary: "tail: go on with new messages until Ctrl-C" },
      {
        name: "from",
        value: "TIME",
        summary: "from this time on: 2026-11-22, 2026-11-22T12:00 (UTC), 30m, 2h, 7d ago",
      },
      { name: "to", value: "TIME", summary: "up to, not including, this time" },
      {
        name: "format",
        value: "FORMAT",
        summary: "export: jsonl (default) or csv",
        completes: { words: ["jsonl", "csv"] },
      },
      {
        name: "variant",
        value: "VARIANT",
        summary: "export: only data, log or config (csv: default data)",
        completes: { words: VARIANTS },
      },
      { name: "keys", value: "A,B", summary: "export: only these keys of the data, in this order" },
      {
        name: "output",
        short: "o",
        value: "FILE",
        summary: "export: to a file (default: stdout)",
        completes: FILE,
      },
      {
        name: "backend",
        value: "NAME",
        summary: "replay, parked: of this backend",
        completes: { values: ["backends"] },
      },
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
    completes: ([first, second]) => {
      if (first === undefined) return { words: ["watch"], values: ["state_paths"] };
      return first === "watch" && second === undefined ? { values: ["state_paths"] } : undefined;
    },
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
      {
        name: "config",
        value: "FILE",
        summary: "test with this configuration instead",
        completes: FILE,
      },
      {
        name: "procedure",
        value: "NAME",
        summary: "only this procedure's own test",
        completes: { values: ["procedures"] },
      },
    ],
    examples: [["ivy test", "one line per test; exit status 1 when one fails"]],
    load: () => import("./test_command.ts"),
  },
];

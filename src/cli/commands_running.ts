// Runs in: main thread.
import { type Command, FILE, JSON_FLAG } from "./command.ts";

/** Commands that run a node and look after it. */
export const runningCommands: readonly Command[] = [
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
    name: "install",
    summary: "make the node a service that starts with the machine: systemd, or cron",
    flags: [
      {
        name: "user",
        value: "NAME",
        summary: "whose rights it has; made when missing (default: ivy)",
        completes: { shell: "user" },
      },
      { name: "cron", summary: "without systemd: two lines in the crontab (default: your own)" },
      { name: "dry-run", summary: "only show what would be done" },
    ],
    examples: [
      ["sudo ivy install --root /var/lib/ivy", "doing it again changes nothing that is right already"],
      ["ivy install --dry-run", "what would be done?"],
      ["ivy install --cron", "needs neither root nor systemd"],
    ],
    needsRoot: true,
    load: () => import("./install.ts"),
  },
  {
    name: "uninstall",
    summary: "make it no service any more; its folder, its measurements and its user stay",
    flags: [
      {
        name: "user",
        value: "NAME",
        summary: "with --cron: whose crontab (default: your own)",
        completes: { shell: "user" },
      },
      { name: "cron", summary: "remove the lines from the crontab" },
      { name: "dry-run", summary: "only show what would be done" },
    ],
    examples: [["sudo ivy uninstall", "ends the agent and removes the unit"]],
    needsRoot: true,
    load: () => import("./uninstall.ts"),
  },
  {
    name: "page",
    summary: "make a token for the status page",
    args: "token",
    words: ["token"],
    maxArgs: 1,
    examples: [["ivy page token", "put it into the configuration as status_page.token"]],
    load: () => import("./page.ts"),
  },
  {
    name: "doctor",
    summary: "look for what is wrong: node, machine, disk, network, servers, updates, service",
    flags: [
      {
        name: "bundle",
        value: "FILE",
        summary: "also write a .tar.gz for a bug report, without secrets",
        completes: FILE,
      },
      JSON_FLAG,
    ],
    examples: [
      ["sudo ivy doctor", "a line per check, with what to do; exit status 1 when something is wrong"],
      ["ivy doctor --bundle report.tar.gz", "logs, status, configuration without its secrets, versions"],
    ],
    needsRoot: true,
    load: () => import("./doctor.ts"),
  },
];

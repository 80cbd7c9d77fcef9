// Runs in: main thread.
import { join } from "@std/path";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { exists, pathsOf } from "../agent/paths.ts";
import { accessStore, type StoreAccess } from "../agent/store_access.ts";
import { linesOfDay, messageDays } from "../shared/message_files.ts";
import { VARIANTS } from "../shared/message.ts";
import { formatDuration, utcDay } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { describeLine } from "./message_text.ts";
import { exportMessages } from "./messages_export.ts";
import { parked } from "./messages_parked.ts";
import { alignColumns, paint } from "./output.ts";
import { followedLines } from "./text_lines.ts";
import { parseTime } from "./time_words.ts";

/** `ivy messages …`: works whether the agent runs or not. */
export default async function messages(context: CommandContext): Promise<ExitStatus> {
  const [action] = context.args;
  const paths = pathsOf(context.root);
  if (!exists(paths.data)) {
    throw new CommandError(
      `there is no node at ${context.root}; create one with: ivy init --root ${context.root}`,
    );
  }
  switch (action) {
    case "tail":
      return await tail(paths.messages, context);
    case "stats":
      return await withStore(context, (store) => stats(store, context));
    case "export":
      return await withStore(context, (store) => exportMessages(paths.messages, store, context));
    case "replay":
      return await withStore(context, (store) => replay(store, context));
    default:
      return await withStore(context, (store) => parked(store, context));
  }
}

async function withStore(
  context: CommandContext,
  work: (store: StoreAccess) => Promise<void>,
): Promise<ExitStatus> {
  const store = await accessStore(pathsOf(context.root), await context.parts());
  try {
    await work(store);
  } finally {
    await store.close();
  }
  return EXIT.done;
}

/** The last lines of the newest days, then what is appended. */
async function tail(directory: string, { flags, out }: CommandContext): Promise<ExitStatus> {
  const number = Number(flags["number"] ?? 10);
  if (!Number.isInteger(number) || number < 0) {
    throw new CommandError(`--number ${flags["number"]}: expected a whole number`, EXIT.wrongUsage);
  }
  const print = (line: string) => out.print(flags["json"] === true ? line : describeLine(line));
  (await lastLines(directory, number)).forEach(print);
  if (flags["follow"] !== true) return EXIT.done;
  const currentFile = () => join(directory, `${messageDays(directory).at(-1) ?? utcDay(Date.now())}.jsonl`);
  for await (const line of followedLines({ directory, currentFile, from: "end" })) print(line);
  return EXIT.done;
}

async function lastLines(directory: string, number: number): Promise<string[]> {
  let lines: string[] = [];
  for (const day of messageDays(directory).reverse()) {
    if (lines.length >= number) break;
    const own: string[] = [];
    for await (const line of linesOfDay(directory, day)) if (own.push(line) > number) own.shift();
    lines = [...own, ...lines];
  }
  return number === 0 ? [] : lines.slice(-number);
}

async function stats(store: StoreAccess, { out, flags }: CommandContext): Promise<void> {
  const found = await store.request({ kind: "statistics" });
  if (flags["json"] === true) return out.json(found);
  out.print(alignColumns([VARIANTS.map((variant) => `${variant}: ${found.stored[variant]} stored`)])[0]);
  out.print(`last id ${found.lastId}, refused ${found.refused}, database ${found.databaseBytes} bytes`);
  const rows = Object.entries(found.backends).flatMap(([backend, byVariant]) =>
    VARIANTS.map((variant) => {
      const { accepted, acknowledged, waiting, parked, dropped, oldestWaitingMs } = byVariant[variant];
      const oldest = oldestWaitingMs === null ? "-" : formatDuration(Date.now() - oldestWaitingMs);
      return [backend, variant, ...[accepted, acknowledged, waiting, parked, dropped].map(String), oldest];
    })
  );
  if (rows.length === 0) return;
  const head = [
    "BACKEND",
    "VARIANT",
    "ACCEPTED",
    "ACKNOWLEDGED",
    "WAITING",
    "PARKED",
    "DROPPED",
    "OLDEST WAITING",
  ];
  out.print();
  for (const line of alignColumns([head.map(paint.dim), ...rows])) out.print(line);
}

async function replay(store: StoreAccess, { flags, out }: CommandContext): Promise<void> {
  const backend = flags["backend"] as string | undefined;
  const fromMs = parseTime("from", flags["from"] as string | undefined, Date.now());
  if (backend === undefined || fromMs === undefined) {
    throw new CommandError(
      "messages replay needs --backend NAME and --from TIME; see: ivy help messages",
      EXIT.wrongUsage,
    );
  }
  const toMs = parseTime("to", flags["to"] as string | undefined, Date.now()) ?? Date.now();
  await store.request({ kind: "replay", backend, fromMs, toMs });
  const [from, to] = [fromMs, toMs].map((timeMs) => new Date(timeMs).toISOString());
  out.print(`messages from ${from} to before ${to} will be sent to "${backend}" again`);
}

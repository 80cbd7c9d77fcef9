// Runs in: tests.
import { join } from "@std/path";
import { gunzipSync } from "node:zlib";
import type { Message, MessageBody } from "../../src/shared/message.ts";

/** A line of a daily file, as it stands there. */
export interface DayLine {
  day: string;
  /** Without its line end. */
  text: string;
  message: Message;
}

/** What a folder of daily files holds, read without any code of the store. */
export interface StoredDays {
  lines: DayLine[];
  /** Sentences about lines that are torn, damaged, doubled or out of order. */
  faults: string[];
}

/**
 * Reads every daily file. Of a day that has a compressed and a plain file (a crash came between compressing and
 * removing), lines that stand in both count once.
 *
 * @param folder `<root>/data/messages`
 */
export function readDays(folder: string): StoredDays {
  const faults: string[] = [];
  const lines = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().reverse() // .jsonl.gz before .jsonl
    .flatMap((name) => {
      const day = /^(.+)\.jsonl(\.gz)?$/.exec(name)?.[1];
      return day === undefined ? [] : readDay(join(folder, name), day, faults);
    });
  return { lines: onceEach(lines, faults), faults };
}

/** The name that a test has given a message; undefined for messages that no test sent. */
export function keyOf(body: MessageBody): string | undefined {
  switch (body.variant) {
    case "data":
      return typeof body.data["key"] === "string" ? body.data["key"] : undefined;
    case "log":
      return /^key (.+)$/.exec(body.subject)?.[1];
    case "config":
      return (body.config as { key?: string } | null)?.key;
    default:
      return body satisfies never;
  }
}

/** The body of a message that {@link keyOf} recognises. */
export function bodyOf(key: string, variant: MessageBody["variant"] = "data"): MessageBody {
  switch (variant) {
    case "data":
      return { variant, data: { key, co2: 412.1, ok: true } };
    case "log":
      return { variant, level: "INFO", subject: `key ${key}`, body: "" };
    case "config":
      return { variant, status: "accepted", config: { key } };
    default:
      return variant satisfies never;
  }
}

function readDay(path: string, day: string, faults: string[]): DayLine[] {
  const bytes = Deno.readFileSync(path);
  const text = new TextDecoder().decode(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  if (text !== "" && !text.endsWith("\n")) faults.push(`${path}: the last line is torn`);
  const lines = text.split("\n").slice(0, -1).flatMap((line) => parse(line, day, path, faults));
  lines.forEach(({ message: { id } }, index) => {
    const before = lines[index - 1]?.message.id ?? 0;
    if (id <= before) faults.push(`${path}: id ${id} comes after ${before}`);
  });
  return lines;
}

function parse(text: string, day: string, path: string, faults: string[]): DayLine[] {
  const message = valueOf(text) as Message | null | undefined;
  if (typeof message?.id === "number") return [{ day, text, message }];
  faults.push(`${path}: a damaged line: ${text.slice(0, 80)}`);
  return [];
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function onceEach(lines: DayLine[], faults: string[]): DayLine[] {
  const byId = new Map<number, DayLine>();
  for (const line of lines) {
    const other = byId.get(line.message.id);
    if (other === undefined) byId.set(line.message.id, line);
    else if (other.text !== line.text) faults.push(`id ${line.message.id} is there twice: ${line.text}`);
  }
  return [...byId.values()];
}

// Runs in: tests.
import { join } from "@std/path";
import type { Message } from "../../src/shared/message.ts";

/** A line of a daily file. */
export type StoredLine = Message;

/** The messages in a folder of daily files, in order; an unfinished last line is left out. */
export function readMessages(folder: string): StoredLine[] {
  return days(folder).flatMap((name) =>
    Deno.readTextFileSync(join(folder, name)).split("\n").slice(0, -1).map((line) => JSON.parse(line))
  );
}

/** The measurements among them that have a key, in order. */
export function valuesOf(messages: StoredLine[], key: string): (number | string | boolean)[] {
  return messages.flatMap(({ message_body: body }) => {
    const value = body.variant === "data" ? body.data[key] : undefined;
    return value === undefined ? [] : [value];
  });
}

/** The log messages among them, as `LEVEL subject`. */
export function logsOf(messages: StoredLine[]): string[] {
  return messages.flatMap(({ message_body: body }) =>
    body.variant === "log" ? [`${body.level} ${body.subject}`] : []
  );
}

function days(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".jsonl"))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

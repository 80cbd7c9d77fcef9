// Runs in: main thread.
import { join } from "@std/path";
import { followLinks } from "./files.ts";
import { exists } from "./paths.ts";

/** The names that the store gives its files; what else lies there as a link leads nowhere for it. */
const DAILY_FILE = /\.jsonl(\.gz)?$/;

/**
 * What is granted to who works with the store's files: the data folder, and where the links lead that somebody has put
 * into the place of its database, its messages or single days. Deno judges an open file by where it really lies.
 *
 * @param directory With its links followed.
 */
export function storeFolders(directory: string): string[] {
  const messages = join(directory, "messages");
  const names = [messages, join(directory, "outbox.sqlite3"), ...daysIn(messages)];
  return [
    ...new Set([directory, ...names.map(followLinks).filter((path) => !path.startsWith(`${directory}/`))]),
  ];
}

function daysIn(messages: string): string[] {
  if (!exists(messages) || !Deno.statSync(messages).isDirectory) return [];
  return [...Deno.readDirSync(messages)]
    .filter(({ name, isSymlink }) => isSymlink && DAILY_FILE.test(name))
    .map(({ name }) => join(messages, name));
}

// Runs in: store worker.
import { join } from "node:path";
import { VARIANTS } from "../shared/message.ts";
import { messageDays } from "../shared/message_files.ts";
import { idOfLine } from "../shared/message_line.ts";
import type { Database } from "./database.ts";
import { lookAt } from "./disk.ts";
import { readNotedPlaces } from "./known_places.ts";
import { lastLines } from "./tail.ts";

/**
 * Looks whether the database says what cannot be, although SQLite finds it whole: its log was lost, an old copy was put
 * back, the disk had not written what it said it had, or a value was damaged.
 *
 * @param directory `<root>/data`
 * @returns what contradicts what; undefined when nothing does.
 */
export function findContradiction(database: Database, directory: string): string | undefined {
  const folder = join(directory, "messages");
  const storeId = metaOf(database, "store_id");
  const notedId = readNotedPlaces(directory)?.storeId;
  if (storeId === undefined && messageDays(folder).length > 0) return "it is empty beside daily files";
  if (storeId !== undefined && notedId !== undefined && storeId !== notedId) {
    return "it is that of another store";
  }
  const lastId = lastIdOf(database);
  const writtenId = highestWrittenId(folder);
  if (writtenId > lastId) return `it ends with message ${lastId}, the daily files with ${writtenId}`;
  const { done } = database.prepare("SELECT max(done_id) AS done FROM places").get() as {
    done: number | null;
  };
  return (done ?? 0) > lastId ? `it ends with message ${lastId}, a backend has ${done}` : undefined;
}

function lastIdOf(database: Database): number {
  const select = database.prepare("SELECT max(id) AS id FROM messages WHERE variant = ?");
  const ids = VARIANTS.map((variant) => Number(select.get(variant)?.["id"] ?? 0));
  return Math.max(Number(metaOf(database, "last_id") ?? 0), ...ids);
}

/** The highest id of the files that are not compressed; what is compressed was synced long ago. */
function highestWrittenId(folder: string): number {
  const ids = messageDays(folder).map((day) => lastIdIn(join(folder, `${day}.jsonl`)));
  return Math.max(0, ...ids);
}

/** Of a file that can be read; what else has its name says nothing. */
function lastIdIn(path: string): number {
  if (!isReadable(path)) return 0;
  using file = Deno.openSync(path);
  for (const { text } of lastLines(file)) {
    const id = idOfLine(text);
    if (id !== undefined) return id;
  }
  return 0;
}

function isReadable(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (lookAt(path)?.isSymlink) return false; // it leads out of the store's reach
    throw error;
  }
}

function metaOf(database: Database, key: string): unknown {
  return database.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
}

// Runs in: store worker.
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Variant, VARIANTS } from "../shared/message.ts";
import { type Database, databasePath, inTransaction, openDatabase } from "./database.ts";
import { sizeBytes, syncFolder } from "./disk.ts";
import { type KnownPlaces, notePlaces, readDamagedPlaces, readNotedPlaces } from "./known_places.ts";
import { isDamagedArchive, linesOfDay, messageDays } from "../shared/message_files.ts";
import { Outbox } from "./outbox.ts";
import { Places } from "./places.ts";
import type { Schema } from "./schema.ts";
import { parseLine, type Row } from "../shared/message_line.ts";

/** Ids that may have been given out but stand nowhere any more are skipped by this much. */
const ID_GAP = 1000;
const CHUNK = 1000;
/** A daily file that cannot be read may be readable the next time; in this attempt it is done without. */
const LAST_ATTEMPT = 4;
/** A database, its log and the index of that, in the order in which they can go without making another of it. */
const PARTS = ["", "-wal", "-shm"];

/** What was done about a damaged database, for the log. */
export interface Recovery {
  /** Where the damaged database is kept; undefined when there was none. */
  kept: string | undefined;
  /** How many messages wait again for a backend. */
  restored: number;
  /** Lines of daily files that could not be read. */
  damagedLines: number;
  /** False when nobody knows any more what the backends have. */
  knowsPlaces: boolean;
  /** The next message has an id behind this one. */
  lastId: number;
}

/**
 * Lets the next start rebuild the database, also when the damage does not show at once.
 *
 * @returns how often it has been marked since it was whole.
 */
export function markDamaged(directory: string, reason: string): number {
  const path = markPath(directory);
  Deno.writeTextFileSync(path, `${reason.replaceAll("\n", " ")}\n`, { append: true });
  using mark = Deno.openSync(path);
  mark.syncSync();
  syncFolder(directory);
  return Deno.readTextFileSync(path).split("\n").length - 1;
}

/** Why the database has been found damaged; undefined when it has not. */
export function damageMark(directory: string): string | undefined {
  try {
    return Deno.readTextFileSync(markPath(directory)).split("\n", 1)[0];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Builds a new database from the daily files, with all that no backend's place has passed, and puts it in the place of
 * the damaged one, which is kept. A crash at any moment lets the next start begin anew.
 */
export async function rebuildDatabase(
  directory: string,
  { reason, runId, nowMs, schema }: { reason: string; runId: string; nowMs: number; schema?: Schema },
): Promise<Recovery> {
  const attempt = markDamaged(directory, reason);
  const isFatal = (error: unknown) => attempt < LAST_ATTEMPT && !isDamagedArchive(error);
  const known = readNotedPlaces(directory) ?? readDamagedPlaces(directory);
  if (known !== undefined) notePlaces(directory, known); // the damaged one is soon elsewhere
  const path = successorPath(directory);
  const database = openDatabase(path, schema === undefined ? {} : { schema });
  const recovery = await fill(database, directory, known, runId, isFatal).finally(() => database.close());
  if (sizeBytes(`${path}-wal`) > 0) throw new Error("database or disk is full: the rebuilt one is not whole");
  const kept = moveAside(directory, nowMs);
  renameSync(path, databasePath(directory));
  syncFolder(directory);
  rmSync(markPath(directory));
  syncFolder(directory);
  return { ...recovery, kept };
}

/** Where the database that takes the other's place is made; nothing is there yet. */
export function successorPath(directory: string): string {
  const path = join(directory, "outbox.rebuilt.sqlite3");
  for (const part of PARTS) rmSync(path + part, { force: true });
  return path;
}

async function fill(
  database: Database,
  directory: string,
  known: KnownPlaces | undefined,
  runId: string,
  isFatal: (error: unknown) => boolean,
): Promise<Omit<Recovery, "kept">> {
  if (known !== undefined) restoreMeta(database, known);
  const outbox = new Outbox(database, runId);
  const recovery = {
    restored: 0,
    damagedLines: 0,
    knowsPlaces: known !== undefined,
    lastId: known?.lastId ?? 0,
  };
  const counts: Record<Variant, number> = { config: 0, log: 0, data: 0 };
  const folder = join(directory, "messages");
  for (const day of messageDays(folder)) {
    for await (const rows of chunksOfDay(folder, day, isFatal, () => recovery.damagedLines++)) {
      inTransaction(database, () => {
        for (const row of rows) {
          counts[row.variant]++;
          recovery.lastId = Math.max(recovery.lastId, row.id);
          if (!isWaitedFor(row, known)) continue;
          outbox.restore({ ...row, day });
          recovery.restored++;
        }
      });
    }
  }
  recovery.lastId += ID_GAP;
  for (const day of messageDays(folder)) syncDay(folder, day); // the outbox no longer stands in for them
  inTransaction(database, () => finish(database, outbox, known, counts, recovery.lastId));
  return recovery;
}

function finish(
  database: Database,
  outbox: Outbox,
  known: KnownPlaces | undefined,
  counts: Record<Variant, number>,
  lastId: number,
): void {
  outbox.setMeta("last_id", lastId);
  outbox.setMeta("synced_id", lastId);
  for (const variant of VARIANTS) outbox.setMeta(`stored_${variant}`, counts[variant]);
  const places = new Places(database);
  for (const place of known?.places ?? []) {
    const waiting = Number(
      database.prepare("SELECT count(*) AS n FROM messages WHERE variant = ? AND id > ?")
        .get(place.variant, place.done_id)!["n"],
    );
    const { acknowledged, parked, dropped } = place;
    // parked messages were only in the lost database: they count as dropped
    places.restore({
      ...place,
      done_id: Math.min(place.done_id, lastId), // or what comes next would count as done with
      accepted: acknowledged + parked + dropped + waiting,
      base: counts[place.variant],
      parked: 0,
      dropped: dropped + parked,
    });
  }
}

function restoreMeta(database: Database, { storeId, corrections }: KnownPlaces): void {
  database.prepare("INSERT INTO meta (key, value) VALUES ('store_id', ?)").run(storeId);
  const insert = database.prepare("INSERT OR REPLACE INTO corrections (boot, booted_ms) VALUES (?, ?)");
  for (const { boot, bootedMs } of corrections) insert.run(boot, bootedMs);
}

function isWaitedFor(row: Row, known: KnownPlaces | undefined): boolean {
  return (known?.places ?? []).some(({ variant, done_id: doneId }) =>
    variant === row.variant && row.id > doneId
  );
}

async function* chunksOfDay(
  directory: string,
  day: string,
  isFatal: (error: unknown) => boolean,
  onDamagedLine: () => void,
): AsyncGenerator<Row[]> {
  let rows: Row[] = [];
  for await (const line of linesOfDay(directory, day, isFatal)) {
    const row = parseLine(line);
    if (row === undefined) onDamagedLine();
    else if (rows.push(row) === CHUNK) {
      yield rows;
      rows = [];
    }
  }
  yield rows;
}

function syncDay(folder: string, day: string): void {
  try {
    using file = Deno.openSync(join(folder, `${day}.jsonl`));
    file.syncSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // it is compressed, and was synced then
  }
}

function markPath(directory: string): string {
  return join(directory, "outbox.damaged");
}

/**
 * Moves whatever has the database's name out of the way.
 *
 * @returns the name under which the database is kept; undefined when there is none.
 */
export function moveAside(directory: string, nowMs: number): string | undefined {
  const name = `outbox.damaged-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-")}.sqlite3`;
  const moved = PARTS.filter((part) => {
    try {
      renameSync(databasePath(directory) + part, join(directory, name + part));
      return true;
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
      return false;
    }
  });
  return moved.length === 0 ? undefined : name;
}

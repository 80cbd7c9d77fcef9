// Runs in: store worker.
import { renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type Variant, VARIANTS } from "../shared/message.ts";
import type { ClockCorrection } from "../shared/protocol.ts";
import { type Database, inTransaction, openDatabase } from "./database.ts";
import { linesOfDay, messageDays } from "../shared/message_files.ts";
import { Outbox } from "./outbox.ts";
import { type Place, Places } from "./places.ts";
import { parseLine, type Row } from "../shared/message_line.ts";

/** Ids that may have been given out but stand nowhere any more are skipped by this much. */
const ID_GAP = 1000;
const CHUNK = 1000;

/** What a rebuilt outbox must know, as last noted in `places.json` or read from the damaged database. */
export interface KnownPlaces {
  storeId: string;
  lastId: number;
  places: Place[];
  corrections: ClockCorrection[];
}

/** What was done about a damaged database, for the log. */
export interface Recovery {
  /** Where the damaged database is kept. */
  kept: string;
  /** How many messages wait again for a backend. */
  restored: number;
  /** Lines of daily files that could not be read. */
  damagedLines: number;
}

export function databasePath(directory: string): string {
  return join(directory, "outbox.sqlite3");
}

function placesPath(directory: string): string {
  return join(directory, "places.json");
}

function damagePath(directory: string): string {
  return join(directory, "outbox.damaged");
}

/** Lets the next start rebuild the database, also when the damage does not show at once. */
export function markDamaged(directory: string, reason: string): void {
  Deno.writeTextFileSync(damagePath(directory), reason);
}

/** Why the database has been found damaged; undefined when it has not. */
export function damageMark(directory: string): string | undefined {
  try {
    return Deno.readTextFileSync(damagePath(directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Notes the backends' places beside the database, for the day when it is damaged. */
export function notePlaces(directory: string, known: KnownPlaces): void {
  const path = placesPath(directory);
  Deno.writeTextFileSync(`${path}.tmp`, JSON.stringify(known));
  using file = Deno.openSync(`${path}.tmp`);
  file.syncSync();
  Deno.renameSync(`${path}.tmp`, path);
}

/**
 * Moves a damaged database aside (it is kept) and builds a new one from the daily files: with all that no backend's
 * place has passed.
 */
export async function rebuildDatabase(
  directory: string,
  options: { runId: string; nowMs: number },
): Promise<{ database: Database; recovery: Recovery }> {
  const known = readFromDamaged(directory) ?? readNoted(directory);
  const kept = moveAside(directory, options.nowMs);
  const database = openDatabase(databasePath(directory));
  if (known !== undefined) restoreMeta(database, known);
  const outbox = new Outbox(database, options.runId);
  const recovery = { kept, restored: 0, damagedLines: 0 };
  const counts: Record<Variant, number> = { config: 0, log: 0, data: 0 };
  let highestId = known?.lastId ?? 0;
  const folder = join(directory, "messages");
  for (const day of messageDays(folder)) {
    for await (const rows of chunksOfDay(folder, day, recovery)) {
      inTransaction(database, () => {
        for (const row of rows) {
          counts[row.variant]++;
          highestId = Math.max(highestId, row.id);
          if (!isWaitedFor(row, known)) continue;
          outbox.restore({ ...row, day });
          recovery.restored++;
        }
      });
    }
  }
  inTransaction(database, () => finish(database, outbox, known, counts, highestId));
  rmSync(damagePath(directory), { force: true });
  return { database, recovery };
}

function finish(
  database: Database,
  outbox: Outbox,
  known: KnownPlaces | undefined,
  counts: Record<Variant, number>,
  highestId: number,
): void {
  outbox.setMeta("last_id", highestId + ID_GAP);
  outbox.setMeta("synced_id", highestId);
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
      accepted: acknowledged + parked + dropped + waiting,
      base: counts[place.variant],
      parked: 0,
      dropped: dropped + parked,
    });
  }
  outbox.reload();
}

function restoreMeta(database: Database, { storeId, corrections }: KnownPlaces): void {
  database.prepare("INSERT INTO meta VALUES ('store_id', ?)").run(storeId);
  const insert = database.prepare("INSERT OR REPLACE INTO corrections VALUES (?, ?)");
  for (const { boot, bootedMs } of corrections) insert.run(boot, bootedMs);
}

function isWaitedFor(row: Row, known: KnownPlaces | undefined): boolean {
  return (known?.places ?? []).some(({ variant, done_id: doneId }) =>
    variant === row.variant && row.id > doneId
  );
}

async function* chunksOfDay(directory: string, day: string, recovery: Recovery): AsyncGenerator<Row[]> {
  let rows: Row[] = [];
  try {
    for await (const line of linesOfDay(directory, day)) {
      const row = parseLine(line);
      if (row === undefined) recovery.damagedLines++;
      else if (rows.push(row) === CHUNK) {
        yield rows;
        rows = [];
      }
    }
  } catch {
    recovery.damagedLines++; // a damaged compressed file: what came before the damage counts
  }
  yield rows;
}

/** Small tables often outlive the damage elsewhere. */
function readFromDamaged(directory: string): KnownPlaces | undefined {
  let database: Database | undefined;
  try {
    database = openDatabase(databasePath(directory));
    const meta = (key: string) =>
      database!.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.["value"];
    const places = database.prepare("SELECT * FROM places").all() as unknown as Place[];
    const corrections = database.prepare("SELECT boot, booted_ms AS bootedMs FROM corrections").all();
    const storeId = String(meta("store_id") ?? crypto.randomUUID());
    return {
      storeId,
      lastId: Number(meta("last_id") ?? 0),
      places,
      corrections: corrections as unknown as ClockCorrection[],
    };
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}

function readNoted(directory: string): KnownPlaces | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(placesPath(directory)));
  } catch {
    return undefined;
  }
}

function moveAside(directory: string, nowMs: number): string {
  const name = `outbox.damaged-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-")}.sqlite3`;
  for (const ending of ["-wal", "-shm", ""]) {
    try {
      renameSync(databasePath(directory) + ending, join(directory, name + ending));
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }
  return basename(name);
}

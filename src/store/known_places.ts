// Runs in: store worker.
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { VARIANTS } from "../shared/message.ts";
import type { ClockCorrection } from "../shared/protocol.ts";
import { databasePath } from "./database.ts";
import { syncFolder } from "./disk.ts";
import type { Place } from "./places.ts";

/** What a rebuilt outbox must know: noted in `places.json` beside the database now and then. */
export interface KnownPlaces {
  storeId: string;
  lastId: number;
  places: Place[];
  corrections: ClockCorrection[];
}

/** Notes the backends' places beside the database, for the day when it is damaged. */
export function notePlaces(directory: string, known: KnownPlaces): void {
  const path = placesPath(directory);
  rmSync(`${path}.tmp`, { force: true, recursive: true });
  Deno.writeTextFileSync(`${path}.tmp`, JSON.stringify(known), { createNew: true }); // through no link
  using file = Deno.openSync(`${path}.tmp`);
  file.syncSync();
  Deno.renameSync(`${path}.tmp`, path);
  syncFolder(directory);
}

/** What was noted last; undefined when nothing was, or the note is damaged. */
export function readNotedPlaces(directory: string): KnownPlaces | undefined {
  try {
    const known = JSON.parse(Deno.readTextFileSync(placesPath(directory)));
    return isKnownPlaces(known) ? known : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What can still be read in a damaged database: small tables often outlive the damage elsewhere. */
export function readDamagedPlaces(directory: string): KnownPlaces | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(databasePath(directory), { readOnly: true });
    const all = (select: string) => database!.prepare(select).all();
    const meta = new Map(all("SELECT key, value FROM meta").map(({ key, value }) => [key, value]));
    const known = {
      storeId: meta.get("store_id"),
      lastId: meta.get("last_id") ?? 0,
      places: all("SELECT * FROM places"),
      corrections: all("SELECT boot, booted_ms AS bootedMs FROM corrections"),
    };
    return isKnownPlaces(known) ? known : undefined;
  } catch {
    return undefined; // damaged, as was known
  } finally {
    database?.close();
  }
}

function placesPath(directory: string): string {
  return join(directory, "places.json");
}

function isKnownPlaces(value: unknown): value is KnownPlaces {
  if (typeof value !== "object" || value === null) return false;
  const { storeId, lastId, places, corrections } = value as KnownPlaces;
  return typeof storeId === "string" && isCount(lastId) && Array.isArray(places) && places.every(isPlace) &&
    Array.isArray(corrections);
}

function isPlace(place: Place): boolean {
  const { done_id, accepted, base, acknowledged, parked, dropped } = place;
  return typeof place.backend === "string" && VARIANTS.includes(place.variant) &&
    [done_id, accepted, base, acknowledged, parked, dropped].every(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

// Runs in: tests.
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { type Variant, VARIANTS } from "../../src/shared/message.ts";
import { type DayLine, keyOf, readDays } from "./stored_days.ts";

/** What a test knows of a store from outside: what was promised to whom. */
export interface Promises {
  /** Keys of the messages whose promise was resolved. */
  acknowledged: Iterable<string>;
  /** Keys of all that was ever sent; without it nobody looks for invented messages. */
  sent?: Iterable<string>;
  /** Ids that were settled durably, in order, by each backend. */
  settled?: ReadonlyMap<string, readonly number[]>;
  /** How many messages of a variant went with old days, as the retention demands. */
  removed?: Partial<Record<Variant, number>>;
}

/** A row of the outbox, as the database holds it. */
interface Row {
  id: number;
  variant: Variant;
  day: string;
  body: string;
}

/**
 * Judges a store after a crash, from the files alone. It may run meanwhile, but must be at rest.
 *
 * @param directory `<root>/data`
 * @returns a sentence for each broken promise; none when the store is as it must be.
 */
export function findFaults(directory: string, promises: Promises): string[] {
  const { lines, faults } = readDays(join(directory, "messages"));
  const outbox = readOutbox(directory);
  return [
    ...faults,
    ...lostOrDoubled(lines, promises),
    ...differences(lines, outbox),
    ...outbox.places.flatMap((place) => faultsOfPlace(place, lines, outbox.rows, promises)),
    ...wrongCounts(lines, outbox, promises),
  ];
}

/** Sentences about messages that a test has named: acknowledged and not stored, stored twice, invented. */
export function lostOrDoubled(lines: DayLine[], { acknowledged, sent }: Promises): string[] {
  const faults: string[] = [];
  const stored = new Map<string, number>();
  for (const { message: { id, message_body: body } } of lines) {
    const key = keyOf(body);
    if (key === undefined) continue;
    if (stored.has(key)) faults.push(`${key} is stored twice, as ${stored.get(key)} and ${id}`);
    stored.set(key, id);
  }
  for (const key of acknowledged) if (!stored.has(key)) faults.push(`${key} was acknowledged and is lost`);
  const known = sent === undefined ? undefined : new Set(sent);
  if (known === undefined) return faults;
  return [
    ...faults,
    ...[...stored.keys()].filter((key) => !known.has(key)).map((key) => `${key} is invented`),
  ];
}

/** Every row must stand in its day's file, word for word. */
function differences(lines: DayLine[], { rows, meta }: Outbox): string[] {
  const byId = new Map(lines.map((line) => [line.message.id, line]));
  const lastId = rows.reduce((last, { id }) => Math.max(last, id), Number(meta.get("last_id") ?? 0));
  const again = [...byId.keys()].filter((id) => id > lastId);
  const faults = again.map((id) => `id ${id} can be given out again`);
  for (const { id, day, body } of rows) {
    const line = byId.get(id);
    if (line === undefined) faults.push(`id ${id} is in the outbox and in no daily file`);
    else if (line.day !== day) faults.push(`id ${id} belongs to ${day} and stands in ${line.day}`);
    else if (JSON.stringify(line.message.message_body) !== body) {
      faults.push(`id ${id} differs: ${line.text}`);
    }
  }
  return faults;
}

/** What a backend has not passed must still be in the outbox, and no less must be counted. */
function faultsOfPlace(place: Place, lines: DayLine[], rows: Row[], { settled }: Promises): string[] {
  const { backend, variant, done_id: doneId } = place;
  const kept = new Set(rows.filter((row) => row.variant === variant && row.id > doneId).map(({ id }) => id));
  const ids = lines.filter(({ message }) => message.message_body.variant === variant)
    .map(({ message }) => message.id);
  const lost = ids.filter((id) => id > doneId && !kept.has(id));
  const ofVariant = new Set(ids);
  const undone = (settled?.get(backend) ?? []).filter((id) => ofVariant.has(id) && id > doneId);
  return [
    ...lost.map((id) => `id ${id} left the outbox although "${backend}" has not acknowledged it`),
    ...undone.map((id) => `"${backend}" settled id ${id} and that is forgotten`),
  ];
}

/** stored = what the files hold; accepted = acknowledged + waiting + parked + dropped. */
function wrongCounts(
  lines: DayLine[],
  { rows, places, requeued, meta }: Outbox,
  promises: Promises,
): string[] {
  const stored = Object.fromEntries(VARIANTS.map((variant) => {
    const inFiles = lines.filter(({ message }) => message.message_body.variant === variant).length;
    return [variant, inFiles + (promises.removed?.[variant] ?? 0)];
  }));
  const savedId = Number(meta.get("last_id") ?? 0); // what came later is counted from the rows
  const faults = VARIANTS.flatMap((variant) => {
    const later = rows.filter((row) => row.variant === variant && row.id > savedId).length;
    const counted = Number(meta.get(`stored_${variant}`) ?? 0) + later;
    return counted === stored[variant] ? [] : [`${counted} ${variant} counted, ${stored[variant]} stored`];
  });
  for (const { backend, variant, done_id, accepted, base, acknowledged, parked, dropped } of places) {
    const counted = accepted + stored[variant]! - base - acknowledged - parked - dropped;
    if ([counted, acknowledged, parked, dropped].some((count) => count < 0)) {
      faults.push(
        `"${backend}" counts what cannot be: ${JSON.stringify({ variant, acknowledged, parked, dropped })}`,
      );
    }
    const waiting = rows.filter((row) => row.variant === variant && row.id > done_id).length +
      requeued.filter((row) => row.variant === variant && row.backend === backend).length;
    if (counted !== waiting) {
      faults.push(`"${backend}" counts ${counted} ${variant} waiting, there are ${waiting}`);
    }
  }
  return faults;
}

type Place =
  & { backend: string; variant: Variant }
  & Record<"done_id" | "accepted" | "base" | "acknowledged" | "parked" | "dropped", number>;

interface Outbox {
  rows: Row[];
  places: Place[];
  requeued: { backend: string; variant: Variant }[];
  meta: Map<string, unknown>;
}

function readOutbox(directory: string): Outbox {
  const database = new DatabaseSync(join(directory, "outbox.sqlite3"), { readOnly: true });
  try {
    const all = <T>(select: string) => database.prepare(select).all() as unknown as T[];
    const meta = all<{ key: string; value: unknown }>("SELECT key, value FROM meta");
    return {
      rows: all("SELECT id, variant, day, body FROM messages ORDER BY id"),
      places: all("SELECT * FROM places"),
      requeued: all("SELECT backend, variant FROM requeued"),
      meta: new Map(meta.map(({ key, value }) => [key, value])),
    };
  } finally {
    database.close();
  }
}

// Runs in: store worker.
import { join } from "node:path";
import { sentenceOf } from "../shared/errors.ts";
import { diskSpace } from "../shared/disk_space.ts";
import { pause } from "../shared/time.ts";
import { findContradiction } from "./contradiction.ts";
import { type Database, databasePath, isDamaged, isDiskFull, openDatabase } from "./database.ts";
import { lookAt, sizeBytes } from "./disk.ts";
import { MessagesFolder } from "./messages_folder.ts";
import { damageMark, markDamaged, rebuildDatabase } from "./recovery.ts";
import { Store, type StoreOptions } from "./store.ts";

/** A database up to this size is checked before it is used; a larger one meanwhile, in another thread. */
const CHECK_AT_ONCE_BYTES = 8_000_000;
/** How often a store that could not be opened on a full disk tries again, in milliseconds. */
const SPACE_LOOK_MS = 5000;
/** With less space than this no store can be opened. */
const LEAST_FREE_BYTES = 100_000;

/** Opens the store of a folder; a damaged database is moved aside and rebuilt from the daily files. */
export async function openStore(options: StoreOptions): Promise<Store> {
  Deno.mkdirSync(options.directory, { recursive: true });
  const database = await openOrRebuild(options);
  try {
    return new Store(database, options);
  } catch (error) {
    database.close();
    if (isDamaged(error)) markDamaged(options.directory, sentenceOf(error)); // the next start rebuilds it
    throw error;
  }
}

/**
 * Opens the store as soon as its disk has space for that.
 *
 * @param signal Ends the waiting; then there is no store.
 */
export async function openWhenThereIsSpace(
  options: StoreOptions,
  signal: AbortSignal,
): Promise<Store | undefined> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await openStore(options);
    } catch (error) {
      if (!isForWantOfSpace(error, options.directory)) throw error;
      if (attempt === 1) options.logger.error("the disk is full; messages wait until there is space again");
      await pause(SPACE_LOOK_MS, signal);
    }
  }
  return undefined;
}

/** SQLite says "disk I/O error" too when it cannot make its shared memory larger. */
function isForWantOfSpace(error: unknown, directory: string): boolean {
  return isDiskFull(error) || diskSpace(directory).freeBytes < LEAST_FREE_BYTES;
}

/** True when the database is too large to be checked before it is used. */
export function isLarge(directory: string): boolean {
  return sizeBytes(databasePath(directory)) > CHECK_AT_ONCE_BYTES;
}

async function openOrRebuild(options: StoreOptions): Promise<Database> {
  const { directory, now, logger } = options;
  const onPutAside = (sentence: string) => logger.warning(sentence);
  new MessagesFolder(join(directory, "messages"), { now, onPutAside }).make();
  const reason = damageMark(directory);
  if (reason !== undefined) return await rebuild(options, reason);
  const found = lookAt(databasePath(directory));
  if (found !== undefined && !found.isFile && !found.isSymlink) {
    return await rebuild(options, "it is not a file");
  }
  try {
    return openChecked(options);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    return await rebuild(options, sentenceOf(error));
  }
}

/** @throws when the database is damaged, as far as that can be seen without delay. */
function openChecked({ directory, schema, isProven }: StoreOptions): Database {
  const database = openDatabase(databasePath(directory), {
    isProven,
    ...(schema === undefined ? {} : { schema }),
  });
  try {
    const damage = findDamage(database, directory);
    if (damage !== undefined) throw new Error(`database disk image is malformed: ${damage}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function findDamage(database: Database, directory: string): string | undefined {
  if (!isLarge(directory)) {
    const result = Object.values(database.prepare("PRAGMA quick_check(1)").get()!)[0];
    if (result !== "ok") return String(result);
  }
  return findContradiction(database, directory);
}

async function rebuild(options: StoreOptions, reason: string): Promise<Database> {
  const { directory, runId, logger, now, schema } = options;
  logger.error(`the outbox database is damaged (${reason}); it is rebuilt from the daily files`);
  const { kept, restored, damagedLines, knowsPlaces, lastId } = await rebuildDatabase(directory, {
    reason,
    runId,
    nowMs: now(),
    ...(schema === undefined ? {} : { schema }),
  });
  const where = kept === undefined ? "there was none to keep" : `the damaged one is kept as ${kept}`;
  logger.error(
    `the outbox database is rebuilt: ${where}; ${restored} messages wait again; ids go on after ${lastId}`,
  );
  if (!knowsPlaces) {
    logger.warning(
      "nobody knows any more what the backends have, they start at now; send earlier messages again with: ivy messages replay",
    );
  }
  if (damagedLines > 0) logger.warning(`${damagedLines} damaged lines of daily files were skipped`);
  return openChecked(options);
}

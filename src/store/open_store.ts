// Runs in: store worker.
import { sentenceOf } from "../shared/errors.ts";
import { type Database, isDamaged, openDatabase } from "./database.ts";
import { sizeBytes } from "./disk.ts";
import { damageMark, databasePath, rebuildDatabase } from "./recovery.ts";
import { Store, type StoreOptions } from "./store.ts";

/** A database up to this size is checked before it is used; a larger one meanwhile, in another thread. */
const CHECK_AT_ONCE_BYTES = 8_000_000;

/** Opens the store of a folder; a damaged database is moved aside and rebuilt from the daily files. */
export async function openStore(options: StoreOptions): Promise<Store> {
  Deno.mkdirSync(options.directory, { recursive: true });
  return new Store(await openOrRebuild(options), options);
}

/** True when the database is too large to be checked before it is used. */
export function isLarge(directory: string): boolean {
  return sizeBytes(databasePath(directory)) > CHECK_AT_ONCE_BYTES;
}

async function openOrRebuild(options: StoreOptions): Promise<Database> {
  try {
    return openChecked(options.directory);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    return await rebuild(options, error);
  }
}

/** Throws when the database is damaged, as far as that can be seen without delay. */
function openChecked(directory: string): Database {
  const known = damageMark(directory);
  if (known !== undefined) throw new Error(`database disk image is malformed: ${known}`);
  const database = openDatabase(databasePath(directory));
  if (isLarge(directory)) return database;
  const result = Object.values(database.prepare("PRAGMA quick_check(1)").get()!)[0];
  if (result === "ok") return database;
  database.close();
  throw new Error(`database disk image is malformed: ${result}`);
}

async function rebuild({ directory, runId, logger, now }: StoreOptions, cause: unknown): Promise<Database> {
  logger.error(`the outbox database is damaged (${sentenceOf(cause)}); it is rebuilt from the daily files`);
  const { database, recovery } = await rebuildDatabase(directory, { runId, nowMs: now() });
  const { kept, restored, damagedLines } = recovery;
  logger.error(`the damaged database is kept as ${kept}; ${restored} messages wait again for their backends`);
  if (damagedLines > 0) logger.warning(`${damagedLines} damaged lines of daily files were skipped`);
  return database;
}

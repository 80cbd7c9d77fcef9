// Runs in: store worker.
import type { StorageSettings } from "../shared/config.ts";
import type { Logger } from "../shared/logger.ts";
import { utcDay } from "../shared/time.ts";
import { messageDays } from "../shared/message_files.ts";
import { compressDay, expiredDays, finishedDays, removeDay } from "./day_archive.ts";

export interface HouseKeepingOptions {
  /** `<root>/data/messages`. */
  directory: string;
  settings: StorageSettings;
  logger: Logger;
  /** Unix milliseconds. */
  now: () => number;
  clockTrusted: () => boolean;
  /** True when nothing of the outbox belongs to that day any more: its file is synced and no backend waits for it. */
  isReleased: (day: string) => boolean;
  /** True when every line of the day's file is synced. */
  isSynced: (day: string) => boolean;
  /** The day's plain file is about to go. */
  letGo: (day: string) => void;
}

/** Compresses finished days and removes those that are older than the retention; only a right clock may remove. */
export async function keepHouse(options: HouseKeepingOptions): Promise<void> {
  const { directory, settings: { retention_days: retentionDays }, now } = options;
  const today = utcDay(now());
  for (const day of finishedDays(directory, today).filter(options.isSynced)) {
    options.letGo(day);
    await compressDay(directory, day);
  }
  if (retentionDays === null || !options.clockTrusted()) return;
  for (const day of await expiredDays(directory, retentionDays, now())) await removeReleased(day, options);
}

/** Frees space on a full disk: the oldest day goes, if the retention says that days may go at all. */
export async function removeOldestDay(options: HouseKeepingOptions): Promise<boolean> {
  const { directory, settings: { retention_days: retentionDays }, now } = options;
  const oldest = messageDays(directory)[0];
  if (retentionDays === null || oldest === undefined || oldest === utcDay(now())) return false;
  return await removeReleased(oldest, options);
}

async function removeReleased(
  day: string,
  { directory, isReleased, letGo, logger }: HouseKeepingOptions,
): Promise<boolean> {
  if (!isReleased(day)) return false;
  letGo(day);
  await removeDay(directory, day);
  logger.info(`removed the messages of ${day}`);
  return true;
}

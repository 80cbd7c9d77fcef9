// Runs in: store worker.
// One of its own, which exists only while a large database is checked.
import { DatabaseSync } from "node:sqlite";
import { sentenceOf } from "../shared/errors.ts";
import type { CheckerToMain, MainToChecker } from "../shared/protocol.ts";
import { linkToMain } from "../shared/worker_link.ts";
import { isDamaged } from "./database.ts";

const link = linkToMain<CheckerToMain>("check");

link.onMessage(({ path }: MainToChecker) =>
  link.send({ type: "checked_database", damage: findDamage(path) })
);

/** @throws when it cannot be found out. */
function findDamage(path: string): string | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    const result = String(Object.values(database.prepare("PRAGMA quick_check(1)").get()!)[0]);
    return result === "ok" ? null : result;
  } catch (error) {
    if (isDamaged(error)) return sentenceOf(error); // so much that SQLite does not even look
    throw error;
  } finally {
    database?.close();
  }
}

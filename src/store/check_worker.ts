// Runs in: store worker.
// One of its own, which exists only while a large database is checked.
import { DatabaseSync } from "node:sqlite";
import type { CheckerToMain, MainToChecker } from "../shared/protocol.ts";
import { linkToMain } from "../shared/worker_link.ts";

const link = linkToMain<CheckerToMain>("check");

link.onMessage(({ path }: MainToChecker) => {
  const database = new DatabaseSync(path, { readOnly: true });
  const result = String(Object.values(database.prepare("PRAGMA quick_check(1)").get()!)[0]);
  database.close();
  link.send({ type: "checked_database", damage: result === "ok" ? null : result });
});

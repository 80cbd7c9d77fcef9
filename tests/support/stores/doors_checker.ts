// Runs in: store worker.
import "node:sqlite";
import type { CheckerToMain, MainToChecker } from "../../../src/shared/protocol.ts";
import { linkToMain } from "../../../src/shared/worker_link.ts";
import { tryDoors } from "../doors.ts";

/** Stands where a large database is checked; the damage that it reports is what came of its knocking. */
const link = linkToMain<CheckerToMain>("check");

link.onMessage(async ({ path }: MainToChecker) => {
  const found = await tryDoors(path.replace(/\/[^/]*$/, ""));
  link.send({ type: "checked_database", damage: JSON.stringify(found) });
});

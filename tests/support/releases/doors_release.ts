// Runs in: release worker.
import "../../../src/release/fetch_release.ts";
import "../../../src/release/find_release.ts";
import type { MainToRelease, ReleaseToMain } from "../../../src/shared/protocol.ts";
import { linkToMain } from "../../../src/shared/worker_link.ts";
import { tryDoors } from "../doors.ts";

/** Loads what the release worker does; instead of finding a release it knocks, and says what came of it. */
const link = linkToMain<ReleaseToMain>("release");

link.onMessage(async (message: MainToRelease) => {
  if (message.type !== "find") return;
  const found = await tryDoors(message.order.staging.replace(/[^/]*$/, "data"));
  link.send({ type: "unavailable", reason: JSON.stringify(found), mayMend: false });
});

// Runs in: tests, main thread.
import { join } from "@std/path";
import { pathsOf } from "../../src/agent/paths.ts";
import { writeUpdateJournal } from "../../src/agent/updater/update_journal.ts";
import { rollBack } from "../../src/agent/updater/roll_back.ts";
import { switchBack, switchTo } from "../../src/agent/updater/versions.ts";
import { nameTemporariesAlike } from "./temporary_names.ts";

/** One step of an update, to be killed: ROOT STEP. */
const [root = "", step] = Deno.args;
nameTemporariesAlike();
const paths = pathsOf(root);
const [version, from] = ["4.5.6", "1.2.3"];

switch (step) {
  case "switch": {
    const before = { procedures: [], backends: [] };
    writeUpdateJournal(paths, { version, from, revision: 2, digest: "d", serial: 7, before });
    switchTo(paths, { version, from, laidOut: join(paths.staging, version), limitSeconds: 0 });
    break;
  }
  case "back":
    switchBack(paths, version, from);
    break;
  default:
    rollBack(paths);
}

// Runs in: tests, main thread.
import { moveJournals } from "../../src/agent/move_journals.ts";
import { pathsOf } from "../../src/agent/paths.ts";
import { rollBack } from "../../src/agent/updater/roll_back.ts";
import { nameTemporariesAlike } from "./temporary_names.ts";

/** Moves the journals of a node of version 0.1, or goes back to that version: ROOT STEP. To be killed. */
const [root = "", step] = Deno.args;
nameTemporariesAlike();
if (step === "move") moveJournals(pathsOf(root));
else rollBack(pathsOf(root));

// Runs in: main thread.
import { isVersion } from "../../shared/release.ts";
import { CommandError } from "../errors.ts";
import { readIfThere, replaceLink } from "../files.ts";
import { giveJournalsBack } from "../move_journals.ts";
import { type Paths, pathsOf } from "../paths.ts";
import { Revisions } from "./revisions.ts";
import { removeDurably } from "./update_journal.ts";
import { previousOf } from "./versions.ts";

/**
 * Makes the version before the active one, for good.
 *
 * @returns its name.
 * @throws {CommandError} when there is none.
 */
export function rollBack(paths: Paths): string {
  const active = Deno.readLinkSync(paths.current);
  const previous = isVersion(active) ? previousOf(paths, active) : undefined;
  if (previous === undefined) {
    throw new CommandError(
      `${active} is the only version on ${paths.root} that can run; there is nothing to go back to`,
    );
  }
  const [left, kept] = [active, previous].map((version) => revisionOf(pathsOf(paths.root, version)));
  if (left! > kept!) {
    new Revisions(paths).reject(left!, "a person on the node went back to the version before");
  }
  giveJournalsBack(paths, previous);
  replaceLink(paths.current, previous);
  removeDurably(paths.probation, paths.update);
  return previous;
}

/** Of a version's configuration; -1 when it does not say. */
function revisionOf({ configFile }: Paths): number {
  try {
    const { general } = JSON.parse(readIfThere(configFile) ?? "") as { general: { config_revision: number } };
    return Number.isInteger(general.config_revision) ? general.config_revision : -1;
  } catch {
    return -1;
  }
}

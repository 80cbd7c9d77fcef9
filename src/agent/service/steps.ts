// Runs in: main thread.

/** One thing to bring about; doing it twice is the same as doing it once. */
export interface Step {
  /** What will be so, for example `the system user ivy exists`. */
  goal: string;
  /** What brings it about, as a person would type it or say it. */
  how: string;
  isSo: () => boolean | Promise<boolean>;
  /** @throws with a sentence when it cannot be done. */
  bringAbout: () => void | Promise<void>;
}

/**
 * Takes the steps in order and tells what each does.
 *
 * @param settle Makes what a step has changed survive a power cut; called before it is said to be so.
 * @param say Gets a line per step: `✓` it was so already, `+` it is so now, `would` in a dry run.
 * @returns how many steps changed something, or would.
 */
export async function takeSteps(
  steps: Step[],
  { dryRun, settle, say }: { dryRun: boolean; settle: () => Promise<void>; say: (line: string) => void },
): Promise<number> {
  let changes = 0;
  for (const { goal, how, isSo, bringAbout } of steps) {
    if (await isSo()) {
      say(`✓ ${goal}`);
      continue;
    }
    changes++;
    if (!dryRun) {
      await bringAbout();
      await settle();
    }
    say(dryRun ? `would ${how}` : `+ ${goal}: ${how}`);
  }
  return changes;
}

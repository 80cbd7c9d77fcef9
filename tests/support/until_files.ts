// Runs in: tests.

/**
 * Waits until something is true of the files below a folder, looking again after every change there.
 *
 * @param look returns what was waited for, or nothing yet
 * @param options.deadlineMs milliseconds after which waiting ends
 * @throws {Error} when the deadline passes
 */
export async function untilFiles<T>(
  folder: string,
  look: () => Promise<T | undefined>,
  options: { deadlineMs: number; what: string },
): Promise<T> {
  using watcher = Deno.watchFs(folder, { recursive: true });
  const deadline = setTimeout(() => watcher.close(), options.deadlineMs);
  try {
    const found = await look();
    if (found !== undefined) return found;
    for await (const _change of watcher) {
      const found = await look();
      if (found !== undefined) return found;
    }
    throw new Error(`${options.what} did not come within ${options.deadlineMs / 1000} s in ${folder}`);
  } finally {
    clearTimeout(deadline);
  }
}

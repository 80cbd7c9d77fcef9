// Runs in: tests.

/**
 * Waits until a condition holds; looks at it often, because nothing tells when it changes.
 *
 * @param what Stands in the error when the time is up.
 * @throws {Error} after `limitMs` (default 45 s: a busy machine is slow).
 */
export async function until(
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  limitMs = 45_000,
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!await holds()) {
    if (performance.now() > deadlineMs) {
      throw new Error(`not within ${limitMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

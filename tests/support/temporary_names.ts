// Runs in: tests, main thread.

/** In programs that strace looks at, temporary files have names that are known beforehand. */
const ID = "0badcafe-0000-4000-8000-000000000000";

/** To be called by a program before it changes files. */
export function nameTemporariesAlike(): void {
  crypto.randomUUID = () => ID;
}

/** The name that a temporary file has then, and that of the launcher's. */
export function temporariesOf(path: string): string[] {
  return [`${path}.${ID.slice(0, 8)}.tmp`, `${path}.tmp`];
}

// Runs in: store worker.

/** At most `count` bytes of a file from an offset on; none when there is no such file. */
export function readBytes(path: string, offset: number, count: number): Uint8Array {
  try {
    using file = Deno.openSync(path);
    file.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array(0);
    throw error;
  }
}

/** Makes the names in a folder survive a power cut. */
export function syncFolder(path: string): void {
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** Size of a file in bytes; 0 when there is none. */
export function sizeBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

/** What has a name, a link itself and not what it leads to; undefined when nothing has it. */
export function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Tells apart to which files a name leads; undefined when it leads to none that can be looked at. */
export function identityOf(path: string): string | undefined {
  return identity(() => Deno.statSync(path));
}

/** The same of a link itself, and not of what it leads to. */
export function linkIdentityOf(path: string): string | undefined {
  return identity(() => Deno.lstatSync(path));
}

function identity(look: () => Deno.FileInfo): string | undefined {
  try {
    const { dev, ino } = look();
    return `${dev} ${ino}`;
  } catch {
    return undefined; // removed, or out of reach: in either case not what it was
  }
}

/** Moves what has a name out of the way. @returns where it is now. */
export function putAside(path: string, nowMs: number): string {
  const kept = `${path}.replaced-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-")}`;
  Deno.renameSync(path, kept);
  return kept;
}

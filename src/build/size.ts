// Runs in: build time.

/** What may be embedded in the binary beside Deno's runtime. */
const MAX_EMBEDDED_BYTES = 2_000_000;

/** The program has grown too big. */
export class ProgramSizeError extends Error {
  override name = "ProgramSizeError";
}

/** @throws {ProgramSizeError} when a bundled program is too big to be sent over a mobile network again and again */
export function checkSize(sizeBytes: number): void {
  if (sizeBytes < MAX_EMBEDDED_BYTES) return;
  throw new ProgramSizeError(
    `the program is ${megabytes(sizeBytes)}, and less than ${
      megabytes(MAX_EMBEDDED_BYTES)
    } may be embedded: ` +
      "look which import brought so much (deno info main.ts)",
  );
}

/** Bytes as a person reads them; 1 MB is 10^6 bytes. */
export function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(2)} MB`;
}

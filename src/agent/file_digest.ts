// Runs in: main thread.
import { createHash } from "node:crypto";

/** The SHA-256 of a file, in hexadecimal digits; read piece by piece. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}

// Runs in: backend worker.

/**
 * The body of an answer, which must not fill the memory.
 *
 * @throws {RangeError} when it is larger than `maxBytes`.
 */
export async function limitedBody(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    sizeBytes += piece.length;
    if (sizeBytes > maxBytes) throw new RangeError(`the server sends more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return await new Blob(pieces).bytes();
}

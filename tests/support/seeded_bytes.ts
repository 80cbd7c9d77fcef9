// Runs in: tests.

/** Bytes that do not compress, the same for each seed. */
export function seededBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let i = 0; i < words.length; i++) {
    state = Math.imul(state ^ (state << 13), 1_664_525) + 1_013_904_223;
    words[i] = state ^= state >>> 7;
  }
  return new Uint8Array(words.buffer, 0, length);
}

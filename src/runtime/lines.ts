// Runs in: procedure worker.
import { formatDuration, withLimit } from "../shared/time.ts";

/** A sensor that never ends its line must not fill the memory; in UTF-16 code units. */
const MAX_LINE_LENGTH = 65_536;

/** How {@link linesOf} reads. */
export interface LineOptions {
  /** Ends the reading. */
  signal: AbortSignal;
  /** Longest silence before the reading counts as broken, in milliseconds. */
  silenceMs: number;
}

/**
 * The lines of a stream of text (UTF-8), without their ends (`\n` or `\r\n`), until the stream ends or the signal
 * aborts. The first line may be a part of one: a sensor that was already talking is heard from the middle. What
 * follows the last line end is left out.
 *
 * @throws {Error} when nothing comes for `silenceMs`, or a line is longer than 65,536 characters.
 */
export async function* linesOf(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  { signal, silenceMs }: LineOptions,
): AsyncGenerator<string, void, void> {
  const reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  let cancelled: Promise<void> | undefined;
  const cancel = () => cancelled ??= reader.cancel().catch(() => {}); // it has failed already
  signal.addEventListener("abort", cancel);
  try {
    let rest = "";
    while (!signal.aborted) {
      const piece = await withLimit(reader.read(), silenceMs, undefined);
      if (piece === undefined) throw new Error(`nothing has come for ${formatDuration(silenceMs)}`);
      if (piece.done) return;
      const lines = (rest + piece.value).split(/\r?\n/);
      rest = lines.pop()!;
      if (rest.length > MAX_LINE_LENGTH) {
        throw new Error(`a line is longer than ${MAX_LINE_LENGTH} characters`);
      }
      yield* lines;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    await cancel();
  }
}

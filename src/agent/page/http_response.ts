// Runs in: main thread.
import { STATUS_TEXT } from "./status_text.ts";

/** An answer; a stream goes on until it ends or the reader is gone. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | ReadableStream<Uint8Array>;
}

/** What an answer is written to. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** Pieces that are written at once: each must be through before the deadline. */
const PIECE_BYTES = 65_536;

/** An answer with a text. */
export function textResponse(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): HttpResponse {
  const body = new TextEncoder().encode(text);
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body };
}

/**
 * Writes an answer; the connection ends with it.
 *
 * @param onProgress Called whenever the reader has taken something.
 * @throws when the reader is gone.
 */
export async function writeResponse(
  sink: ByteSink,
  response: HttpResponse,
  { isHead, onProgress }: { isHead: boolean; onProgress: () => void },
): Promise<void> {
  const { body } = response;
  const write = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; onProgress()) {
      done += await sink.write(bytes.subarray(done, done + PIECE_BYTES));
    }
  };
  const isStream = body instanceof ReadableStream;
  try {
    await write(encodeHead(response, isStream ? undefined : body.length));
    if (isHead) return;
    if (!isStream) return await write(body);
    for await (const bytes of body.values({ preventCancel: true })) await write(bytes);
  } finally {
    if (isStream) await body.cancel().catch(() => {}); // it has failed, or is over
  }
}

function encodeHead({ status, headers }: HttpResponse, length: number | undefined): Uint8Array {
  const all = {
    ...headers,
    ...(length === undefined ? {} : { "content-length": String(length) }),
    "connection": "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? ""}\r\n${lines.join("")}\r\n`);
}

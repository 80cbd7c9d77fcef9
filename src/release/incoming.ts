// Runs in: release worker.
import { pause } from "../shared/time.ts";
import { ReleaseError } from "./errors.ts";
import { letGo } from "./files.ts";
import { type Remote, request } from "./http.ts";

/** How patiently and how fast files are fetched. */
export interface Pace {
  /** Less than 1 kB/s over this time counts as a broken connection, in milliseconds. */
  stallMs: number;
  /** Kilobits per second; null = as fast as it comes. */
  maxKbitS: number | null;
  /** The first pause after a broken connection, in milliseconds; doubles to at most a minute. */
  retryMs: number;
  /** Broken connections in a row, without any progress, after which it is given up for now. */
  attempts: number;
}

/** Every piece of a body that came from the network, for counting. */
export type Count = (bytes: number) => void;

const LONGEST_RETRY_MS = 60_000;
/** What a connection must bring to count as progress, in bytes. */
const PROGRESS_BYTES = 65_536;

/**
 * Asks for a file and hands over its pieces, never faster than the pace allows.
 *
 * @param begin sees the answer before its first piece.
 * @throws {ReleaseError} when the connection breaks or stalls.
 */
export async function receive(
  { remote, headers, pace, count }: {
    remote: Remote;
    headers: Record<string, string>;
    pace: Pace;
    count: Count;
  },
  begin: (response: Response) => void | Promise<void>,
  take: (piece: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const needed = Math.min(
    pace.stallMs,
    pace.maxKbitS === null ? Infinity : pace.stallMs * pace.maxKbitS / 16,
  );
  let came = 0;
  let windowBytes = Infinity;
  const stall = new ReleaseError(`the server sends almost nothing`, { mayMend: true });
  const timer = setInterval(() => {
    if (windowBytes < needed) ending.abort(stall);
    windowBytes = 0;
  }, pace.stallMs);
  const startMs = performance.now();
  try {
    windowBytes = 0;
    const response = await request(remote, headers, ending.signal);
    await begin(response);
    for await (const piece of decoded(response)) {
      came += piece.length;
      windowBytes += piece.length;
      count(piece.length);
      await take(piece);
      letGo(piece);
      if (pace.maxKbitS !== null) await pause(startMs + came * 8 / pace.maxKbitS - performance.now());
    }
  } catch (error) {
    if (error instanceof ReleaseError || error instanceof Deno.errors.NotCapable) throw error;
    if (ending.signal.aborted) throw ending.signal.reason;
    if (/No space|os error 28/.test(String(error))) {
      throw new ReleaseError("the disk is full", { mayMend: true, cause: error });
    }
    throw new ReleaseError("the connection broke", { mayMend: true, cause: error });
  } finally {
    clearInterval(timer);
    ending.abort();
  }
}

/** The body as the file is; some servers compress what nobody asked them to. */
function decoded({ body, headers }: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stream = body ?? new Blob().stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  return headers.get("content-encoding") === "gzip"
    ? stream.pipeThrough(new DecompressionStream("gzip"))
    : stream;
}

/**
 * Tries until it is done; what time may mend is tried again as long as there is progress.
 *
 * @param progress How far it has come, in bytes.
 */
export async function persist(
  pace: Pace,
  progress: () => number,
  attempt: () => Promise<void>,
): Promise<void> {
  for (let failures = 0;;) {
    const before = progress();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ReleaseError) || !error.mayMend || /disk is full/.test(error.message)) {
        throw error;
      }
      failures = progress() - before >= PROGRESS_BYTES ? 0 : failures + 1;
      if (failures >= pace.attempts) throw error;
    }
    await pause(Math.min(LONGEST_RETRY_MS, pace.retryMs * 2 ** failures));
  }
}

/**
 * A small file as bytes.
 *
 * @throws {ReleaseError} also when it is longer than `maxBytes`.
 */
export async function receiveSmall(
  options: { remote: Remote; pace: Pace; count: Count },
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array();
  await persist(options.pace, () => 0, async () => {
    bytes = new Uint8Array();
    await receive({ ...options, headers: {} }, () => {}, (piece) => {
      if (bytes.length + piece.length > maxBytes) {
        throw new ReleaseError(`${options.remote.url} is longer than ${maxBytes} bytes`, { mayMend: false });
      }
      const joined = new Uint8Array(bytes.length + piece.length);
      joined.set(bytes);
      joined.set(piece, bytes.length);
      bytes = joined;
    });
  });
  return bytes;
}

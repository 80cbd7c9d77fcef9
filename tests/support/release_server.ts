// Runs in: tests.
import { join } from "@std/path";
import { pause } from "../../src/shared/time.ts";

/** What a request asked for, and what was sent. */
export interface Served {
  path: string;
  headers: Record<string, string>;
  status: number;
  bytes: number;
}

export interface ReleaseServerOptions {
  /** The folder whose files are served below `/`. */
  folder: string;
  /** Answers instead; undefined = serve the file. */
  answer?: (request: Request, path: string) => Response | undefined | Promise<Response | undefined>;
  /** The connection breaks after so many bytes of a body; asked anew for each request. */
  cutAfter?: (path: string, request: number) => number | undefined;
  /** How long each piece of a body takes at least, in milliseconds. */
  pieceMs?: number;
  /** Default true. */
  ranges?: boolean;
  /** Default true. */
  validators?: boolean;
}

/** A web server with the manners, good and bad, of those that releases lie on. */
export class ReleaseServer implements AsyncDisposable {
  readonly served: Served[] = [];
  #server: Deno.HttpServer<Deno.NetAddr>;
  #options: ReleaseServerOptions;
  #requests = 0;

  constructor(options: ReleaseServerOptions) {
    this.#options = options;
    this.#server = Deno.serve(
      {
        port: 0,
        hostname: "127.0.0.1",
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => this.#answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get sentBytes(): number {
    return this.served.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
    const served: Served = { path, headers: Object.fromEntries(request.headers), status: 0, bytes: 0 };
    this.served.push(served);
    const response = await this.#options.answer?.(request, path) ?? await this.#file(request, path);
    served.status = response.status;
    if (response.body === null) return response;
    const limit = this.#options.cutAfter?.(path, ++this.#requests) ?? Infinity;
    const counted = response.body.pipeThrough(
      cut(limit, this.#options.pieceMs ?? 0, (bytes) => served.bytes += bytes),
    );
    return new Response(counted, { status: response.status, headers: response.headers });
  }

  async #file(request: Request, path: string): Promise<Response> {
    const { folder, ranges = true, validators = true } = this.#options;
    const file = await Deno.open(join(folder, path)).catch(() => undefined);
    if (file === undefined) return new Response("there is no such file", { status: 404 });
    const { size, mtime } = await file.stat();
    const tag = `"${size}-${mtime!.getTime()}"`;
    const headers: Record<string, string> = validators ? { etag: tag } : {};
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
    const condition = request.headers.get("if-range");
    if (!ranges || from === undefined || (condition !== null && condition !== tag)) {
      return new Response(file.readable, { headers: { ...headers, "content-length": `${size}` } });
    }
    const [start, end] = [Number(from), to === "" ? size - 1 : Math.min(Number(to), size - 1)];
    await file.seek(start, Deno.SeekMode.Start);
    headers["content-range"] = `bytes ${start}-${end}/${size}`;
    headers["content-length"] = `${end - start + 1}`;
    return new Response(file.readable.pipeThrough(take(end - start + 1)), { status: 206, headers });
  }
}

/** Counts what passes, and breaks off. */
function cut(
  limit: number,
  pieceMs: number,
  onBytes: (bytes: number) => void,
): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  let passed = 0;
  return new TransformStream({
    async transform(piece, controller) {
      if (pieceMs > 0) await pause(pieceMs);
      const part = new Uint8Array(piece.subarray(0, limit - passed));
      passed += part.length;
      onBytes(part.length);
      controller.enqueue(part);
      if (passed >= limit) controller.error(new Error("cut"));
    },
  });
}

function take(count: number): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  let left = count;
  return new TransformStream({
    transform(piece, controller) {
      controller.enqueue(new Uint8Array(piece.subarray(0, left)));
      left -= Math.min(left, piece.length);
      if (left === 0) controller.terminate();
    },
  });
}

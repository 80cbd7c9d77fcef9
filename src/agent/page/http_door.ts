// Runs in: main thread.
import { pause, withLimit } from "../../shared/time.ts";
import { HttpError, type HttpRequest, readRequest } from "./http_request.ts";
import { type HttpResponse, textResponse, writeResponse } from "./http_response.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

export interface DoorLimits {
  /** How many connections there may be at once: each is a file descriptor, and the store needs some, too. */
  connections: number;
  /** How long a request may take to arrive, in milliseconds. */
  requestMs: number;
  /** How long it may take though others wait for its place, in milliseconds. */
  graceMs: number;
  /** How long a reader may take for a piece of an answer, in milliseconds. */
  writeMs: number;
}

const LIMITS: DoorLimits = { connections: 100, requestMs: 10_000, graceMs: 200, writeMs: 30_000 };
/** How long to wait when the system has no file descriptor left, in milliseconds. */
const NO_DESCRIPTOR_MS = 1000;
/** How much of a request that was refused is read on, so that its sender sees the answer. */
const REFUSED_REST_BYTES = 262_144;

export interface HttpDoorOptions {
  host: string;
  /** 0 = any that is free. */
  port: number;
  handle: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  /** Told of a request that could not be answered for a reason of our own. */
  onFailure: (error: unknown) => void;
  limits?: Partial<DoorLimits>;
}

/**
 * HTTP for people and machines that nobody trusts yet: one request per connection, few connections, each with a
 * deadline. When there are too many, the next one waits in the system's queue until the oldest that has not sent its
 * request is over its grace, so a crowd that only holds connections open keeps nobody out for long. (`Deno.serve`
 * limits neither number nor time. `node:http` of Deno 2.9 limits both, but its `maxConnections` turns away who comes
 * last, so 100 connections that send nothing keep everybody out until `headersTimeout`; and it hands on `GET / HTTP/2.0`,
 * absolute addresses, two `Host` lines and chunked bodies, which are refused here.)
 */
export class HttpDoor {
  #options: HttpDoorOptions;
  #limits: DoorLimits;
  #listener: Deno.TcpListener;
  /** In the order in which they came. */
  #connections = new Set<Connection>();
  #placeIsFree = Promise.withResolvers<void>();
  #isClosed = false;
  #work: Promise<void>;

  /** @throws {Deno.errors.AddrInUse} and what else the system says to the address. */
  constructor(options: HttpDoorOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#listener = Deno.listen({ hostname: options.host, port: options.port });
    this.#work = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#work;
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#open(await this.#listener.accept());
        await this.#place();
      } catch {
        if (!this.#isClosed) await pause(NO_DESCRIPTOR_MS);
      }
    }
  }

  #open(conn: Deno.TcpConn): void {
    const connection = new Connection(conn, this.#limits);
    this.#connections.add(connection);
    void connection.serve(this.#options).finally(() => {
      this.#connections.delete(connection);
      this.#placeIsFree.resolve();
    });
  }

  /** Waits until there is a place for one more. */
  async #place(): Promise<void> {
    while (!this.#isClosed && this.#connections.size >= this.#limits.connections) {
      this.#placeIsFree = Promise.withResolvers();
      const oldest = [...this.#connections].find(({ isAsking }) => isAsking);
      const waitMs = oldest === undefined ? this.#limits.writeMs : this.#limits.graceMs - oldest.ageMs;
      if (waitMs <= 0) oldest?.close(); // its place is free as soon as its `serve` has noticed
      await withLimit(this.#placeIsFree.promise, Math.max(waitMs, this.#limits.graceMs), undefined);
    }
  }
}

class Connection {
  /** Its request has not come yet, or not whole. */
  isAsking = true;
  #hasGot = false;
  #openedMs = performance.now();
  #conn: Deno.TcpConn;
  #limits: DoorLimits;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(conn: Deno.TcpConn, limits: DoorLimits) {
    this.#conn = conn;
    this.#limits = limits;
  }

  get ageMs(): number {
    return performance.now() - this.#openedMs;
  }

  async serve({ handle, onFailure }: HttpDoorOptions): Promise<void> {
    try {
      this.#allow(this.#limits.requestMs);
      await this.#answer(handle);
    } catch (error) {
      if (this.#isClosed || isGone(error)) return;
      if (!(error instanceof HttpError)) onFailure(error);
      const answer = error instanceof HttpError ? error : new HttpError(500, "the node failed to answer");
      if (!this.#hasGot) await this.#refuse(answer).catch(() => {}); // its sender is gone
    } finally {
      clearTimeout(this.#deadline);
      this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }

  async #answer(handle: HttpDoorOptions["handle"]): Promise<void> {
    const request = await readRequest({
      read: (buffer) => this.#conn.read(buffer),
      address: this.#conn.remoteAddr.hostname,
    });
    this.isAsking = false;
    if (request === undefined) return;
    this.#allow(this.#limits.writeMs);
    const isHead = request.method === "HEAD";
    await this.#write(await handle(request), isHead);
  }

  async #write(response: HttpResponse, isHead: boolean): Promise<void> {
    const onProgress = () => {
      this.#hasGot = true;
      this.#allow(this.#limits.writeMs);
    };
    await writeResponse(this.#conn, response, { isHead, onProgress });
  }

  /** Bytes that were sent and not read would make the system take the answer back. */
  async #refuse({ status, message }: HttpError): Promise<void> {
    const headers = { "cache-control": "no-store", ...SECURITY_HEADERS };
    await this.#write(textResponse(status, `${message}\n`, headers), false);
    await this.#conn.closeWrite();
    this.#allow(this.#limits.requestMs);
    const buffer = new Uint8Array(16_384);
    for (let count: number | null = 0, rest = 0; count !== null && rest < REFUSED_REST_BYTES; rest += count) {
      count = await this.#conn.read(buffer);
      if (count === null) return;
    }
  }

  #allow(durationMs: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.close(), durationMs);
  }
}

function isGone(error: unknown): boolean {
  const { errors } = Deno;
  return [
    errors.BrokenPipe,
    errors.ConnectionReset,
    errors.ConnectionAborted,
    errors.BadResource,
    errors.Interrupted,
  ]
    .some((kind) => error instanceof kind) || /not connected/i.test(String(error));
}

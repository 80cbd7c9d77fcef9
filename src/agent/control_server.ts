// Runs in: main thread.
import { dirname } from "@std/path";
import { withLimit } from "../shared/time.ts";
import { exists } from "./paths.ts";

/** How long answers under way may hold the end up, in milliseconds. */
const CLOSE_LIMIT_MS = 200;

/** Answers one request of the control API with a JSON value. */
export type ControlRoute = (request: Request) => Promise<unknown> | unknown;

/** The control API as HTTP on a unix socket that only this user may open. */
export class ControlServer {
  #paths: { readonly socket: string };
  #routes: Record<string, ControlRoute>;
  #server: Deno.HttpServer;
  #socket: string;
  /** Of the socket; it is given to nothing else while somebody listens there. */
  #inode: number | null;

  /**
   * @param paths Where the socket is now.
   * @param routes By method and path, for example `GET /v1/status`. A route that answers with a `Response` streams.
   */
  constructor(paths: { readonly socket: string }, routes: Record<string, ControlRoute>) {
    this.#paths = paths;
    this.#routes = routes;
    this.#socket = paths.socket;
    this.#server = listen(this.#socket, routes);
    this.#inode = Deno.lstatSync(this.#socket).ino;
  }

  /** Listens anew where the socket was removed or replaced, or belongs elsewhere by now. @returns what was made. */
  async renew(): Promise<string[]> {
    const { socket } = this.#paths;
    const isThere = exists(socket) && Deno.lstatSync(socket).ino === this.#inode;
    if (isThere) return [];
    const [before, hasMoved] = [this.#server, socket !== this.#socket];
    if (!hasMoved) await withLimit(before.shutdown(), CLOSE_LIMIT_MS, undefined); // it takes its name along
    this.#server = listen(socket, this.#routes);
    this.#socket = socket;
    this.#inode = Deno.lstatSync(socket).ino;
    if (!hasMoved) return [socket];
    await withLimit(before.shutdown(), CLOSE_LIMIT_MS, undefined);
    return [];
  }

  async close(): Promise<void> {
    await withLimit(this.#server.shutdown(), CLOSE_LIMIT_MS, undefined); // an answer that streams has no end
    const isOwn = exists(this.#socket) && Deno.lstatSync(this.#socket).ino === this.#inode;
    if (isOwn) Deno.removeSync(this.#socket);
  }
}

function listen(socket: string, routes: Record<string, ControlRoute>): Deno.HttpServer {
  Deno.mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  if (exists(socket)) Deno.removeSync(socket); // left by a crash: the caller holds the lock, so nobody listens
  const oldMask = Deno.umask(0o177);
  try {
    return Deno.serve({ path: socket, onListen: () => {} }, (request) => answer(request, routes));
  } finally {
    Deno.umask(oldMask);
  }
}

async function answer(request: Request, routes: Record<string, ControlRoute>): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = routes[`${request.method} ${pathname}`];
  if (route === undefined) {
    return Response.json({ error: `there is no ${request.method} ${pathname}` }, { status: 404 });
  }
  try {
    const result = await route(request);
    return result instanceof Response ? result : Response.json(result);
  } catch (error) {
    return Response.json({ error: (error as Error).message }, { status: 500 });
  }
}

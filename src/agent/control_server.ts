// Runs in: main thread.
import { withLimit } from "../shared/time.ts";
import { exists } from "./paths.ts";

/** How long answers under way may hold the end up, in milliseconds. */
const CLOSE_LIMIT_MS = 200;

/** Answers one request of the control API with a JSON value. */
export type ControlRoute = (request: Request) => Promise<unknown> | unknown;

/**
 * Serves the control API as HTTP on a unix socket that only this user may open.
 *
 * @param routes By method and path, for example `GET /v1/status`. A route that answers with a `Response` streams.
 */
export function serveControl(
  socket: string,
  routes: Record<string, ControlRoute>,
): { close(): Promise<void> } {
  if (exists(socket)) Deno.removeSync(socket); // left by a crash: the caller holds the lock, so nobody listens
  const oldMask = Deno.umask(0o177);
  try {
    const server = Deno.serve({ path: socket, onListen: () => {} }, (request) => answer(request, routes));
    return {
      async close() {
        await withLimit(server.shutdown(), CLOSE_LIMIT_MS, undefined); // an answer that streams has no end
        if (exists(socket)) Deno.removeSync(socket);
      },
    };
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

// Runs in: main thread.
import type { HttpResponse } from "./http_response.ts";
import type { PageRoute } from "./page_server.ts";
import type { PageSource } from "./page_source.ts";

/** Everything that machines and the page itself read. */
export function pageRoutes(
  source: PageSource,
): { routes: Record<string, PageRoute>; open: string[]; close(): void } {
  return {
    routes: { "/api/v1/status": async () => json(await source.status()) },
    open: [],
    close: () => {},
  };
}

function json(value: unknown): HttpResponse {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

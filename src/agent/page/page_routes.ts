// Runs in: main thread.
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { withLimit } from "../../shared/time.ts";
import type { HealthJson, SeriesJson, StatusJson } from "./api.ts";
import { type Events, MAX_LISTENERS } from "./events.ts";
import { HttpError, type HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";
import type { LogBook } from "./log_book.ts";
import { nodeMetrics } from "./metrics.ts";
import { formatMetrics, OPENMETRICS_TYPE, PROMETHEUS_TYPE } from "./openmetrics.ts";
import type { PageRoute } from "./page_server.ts";
import type { PageSource } from "./page_source.ts";
import { logQuery, seriesQuery } from "./query.ts";
import { redactTexts } from "./redaction.ts";
import { shownState } from "./shown_state.ts";
import { acceptsGzip } from "./static_files.ts";

/** Smaller answers fit into a packet or two anyway. */
const GZIP_FROM_BYTES = 4096;

/** How many may wait for charts, and for how long, in milliseconds. */
const MAX_WAITING = 16;
const ANSWER_LIMIT_MS = 20_000;

/** Whoever reaches the node may ask for its health: it is looked at no more often than this, in milliseconds. */
const HEALTH_MS = 1000;

/** Everything that machines and the page itself read of a node, by path. */
export function pageRoutes(source: PageSource, logs: LogBook, events: Events): Record<string, PageRoute> {
  const turns = new Turns();
  const json = (read: (url: URL) => unknown): PageRoute => async (request) =>
    await jsonResponse(redactTexts(await read(request.url), (text) => source.redact(text)), request);
  return {
    "/healthz": healthRoute(source),
    "/metrics": (request) => metrics(source, request),
    "/api/v1/status": json(() => source.status()),
    "/api/v1/series": json((url) => turns.take(() => series(source, url))),
    "/api/v1/logs": json((url) => {
      const { filter, limit } = logQuery(url);
      return logs.read(filter, limit);
    }),
    "/api/v1/state": json(() => shownState(source.state().fields)),
    "/api/v1/config": json(() => source.config()),
    "/api/v1/events": (request) => openEvents(events, request),
  };
}

/** Whoever asks the store for charts waits for the one before: however many ask, the store has one of them to answer. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws {HttpError} when too many wait, or it takes too long. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new HttpError(503, "too many ask for charts at once: ask again later");
    }
    this.#waiting++;
    const done = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = done.catch(() => {}); // its own caller hears of it
    const answer = await withLimit(done, ANSWER_LIMIT_MS, undefined);
    if (answer === undefined) throw new HttpError(503, "the store is busy: ask again later");
    return answer;
  }
}

/** The paths that need no token. */
export const OPEN_PATHS = ["/healthz"];

function healthRoute(source: PageSource): PageRoute {
  let lookedMs = -Infinity;
  let looked: Promise<StatusJson>;
  return async (request) => {
    if (performance.now() - lookedMs > HEALTH_MS) {
      lookedMs = performance.now();
      looked = source.status();
    }
    const { verdict: { well, reasons } } = await looked;
    const shown: HealthJson = { well, reasons: reasons.map((reason) => source.redact(reason)) };
    return await jsonResponse(shown, request, well ? 200 : 503);
  };
}

async function metrics(source: PageSource, { headers }: HttpRequest): Promise<HttpResponse> {
  const isOpenMetrics = (headers.get("accept") ?? "").includes("application/openmetrics-text");
  const status = redactTexts(await source.status(), (text) => source.redact(text)) as StatusJson;
  const text = formatMetrics(nodeMetrics(status), isOpenMetrics);
  return {
    status: 200,
    headers: { "content-type": isOpenMetrics ? OPENMETRICS_TYPE : PROMETHEUS_TYPE },
    body: new TextEncoder().encode(text),
  };
}

async function series(source: PageSource, url: URL): Promise<SeriesJson> {
  const answer = await source.series(seriesQuery(url));
  if (answer === undefined) throw new HttpError(503, "the store does not run just now");
  const { fromMs, bucketMs, keys, leftOut } = answer;
  return { from_ms: fromMs, bucket_ms: bucketMs, keys, keys_left_out: leftOut };
}

async function openEvents(events: Events, { url, headers, method }: HttpRequest): Promise<HttpResponse> {
  if (events.listeners >= MAX_LISTENERS) throw new HttpError(503, "too many pages are open");
  const lastId = headers.get("last-event-id") ?? url.searchParams.get("last_event_id");
  const body = method === "HEAD" ? new Uint8Array() : await events.open(lastId);
  return { status: 200, headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" }, body };
}

async function jsonResponse(value: unknown, { headers }: HttpRequest, status = 200): Promise<HttpResponse> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const common = { "content-type": "application/json", "vary": "accept-encoding" };
  if (bytes.length < GZIP_FROM_BYTES || !acceptsGzip(headers)) {
    return { status, headers: common, body: bytes };
  }
  const body = new Uint8Array(await promisify(gzip)(bytes, { level: 4 }));
  return { status, headers: { ...common, "content-encoding": "gzip" }, body };
}

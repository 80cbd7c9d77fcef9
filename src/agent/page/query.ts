// Runs in: main thread.
import { LEVELS } from "../../shared/message.ts";
import type { SeriesQuery } from "../../shared/protocol.ts";
import { HttpError } from "./http_request.ts";
import type { LogFilter } from "./log_ring.ts";

const DEFAULT_LOGS = 200;
/** How many different keys may be named in one request; all that there are can be had by naming none. */
const MAX_SERIES_KEYS = 50;

/** @throws {HttpError} */
export function seriesQuery({ searchParams }: URL): SeriesQuery {
  const names = searchParams.getAll("keys").flatMap((names) => names.split(",")).filter((name) =>
    name !== ""
  );
  const keys = new Set(names);
  if (keys.size > MAX_SERIES_KEYS) throw new HttpError(400, `keys: expected at most ${MAX_SERIES_KEYS}`);
  return {
    keys: keys.size === 0 ? null : [...keys],
    fromMs: numberOf(searchParams, "from_ms"),
    toMs: numberOf(searchParams, "to_ms"),
    points: numberOf(searchParams, "points"),
  };
}

/** @throws {HttpError} */
export function logQuery({ searchParams }: URL): { filter: LogFilter; limit: number } {
  const asked = searchParams.get("level") || null;
  const level = asked === null ? null : LEVELS.find((known) => known === asked.toUpperCase());
  if (level === undefined) throw new HttpError(400, `level: expected one of ${LEVELS.join(", ")}`);
  const filter = {
    level,
    origin: searchParams.get("origin") || null,
    text: searchParams.get("text") || null,
  };
  return { filter, limit: numberOf(searchParams, "limit") ?? DEFAULT_LOGS };
}

function numberOf(parameters: URLSearchParams, name: string): number | null {
  const text = parameters.get(name);
  if (text === null || text === "") return null;
  if (!/^\d{1,15}(\.\d{1,9})?$/.test(text)) throw new HttpError(400, `${name}: expected a number`);
  return Number(text);
}

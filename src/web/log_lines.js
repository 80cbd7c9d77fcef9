// Runs in: browser.

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "EXCEPTION"];

/** More lines than this are not kept; the newest stay. */
const MAX_LINES = 300;

/** Whether an entry is what the filter `{ level, origin, text }` asks for; an empty word asks for nothing. */
export function matches(entry, { level, origin, text }) {
  if (LEVELS.indexOf(entry.level) < LEVELS.indexOf(level)) return false;
  if (origin !== "" && entry.origin !== origin) return false;
  const wanted = text.trim().toLowerCase();
  return `${entry.origin} ${entry.subject}\n${entry.details}`.toLowerCase().includes(wanted);
}

/** Puts entries together, the newest first, each once: the stream and a request may both bring it. */
export function mergeLines(known, more) {
  const seen = new Map([...more, ...known].map((entry) => [identity(entry), entry]));
  return [...seen.values()].sort((a, b) => b.time_ms - a.time_ms).slice(0, MAX_LINES);
}

function identity({ time_ms, level, origin, subject, details }) {
  return JSON.stringify([time_ms, level, origin, subject, details]);
}

/** The query of `GET /api/v1/logs` for a filter. */
export function queryOf({ level, origin, text }) {
  const query = new URLSearchParams({ limit: String(MAX_LINES), level });
  if (origin !== "") query.set("origin", origin);
  if (text.trim() !== "") query.set("text", text.trim());
  return query;
}

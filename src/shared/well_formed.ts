// Runs in: any thread.

/** Stands in place of what no server and no database takes in a text. */
const REPLACEMENT = "\uFFFD";
/** NUL and halves of surrogate pairs, as `JSON.stringify` writes them; also matches what only looks like them. */
const SUSPECT_ESCAPES = /\\u(?:0000|d[89a-f])/i;

/**
 * JSON text whose keys and texts are well-formed Unicode without NUL: PostgreSQL refuses U+0000, and most parsers half a
 * surrogate pair, so that one bad text would take a whole batch with it. Both become U+FFFD. Every message goes through
 * this before it is stored, and again before it is encoded for a server: version 0.1 stored texts as they came.
 *
 * @param json As `JSON.stringify` wrote it.
 */
export function wellFormedJson(json: string): string {
  return SUSPECT_ESCAPES.test(json) ? JSON.stringify(wellFormed(JSON.parse(json))) : json;
}

/** A deep copy of a JSON value that is well-formed in the sense of {@link wellFormedJson}; keys stay distinct. */
export function wellFormed<T>(value: T): T;
export function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed().replaceAll("\0", REPLACEMENT);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => wellFormed(item));
  const taken = new Set(Object.keys(value));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [distinctKey(key, taken), wellFormed(item)]),
  );
}

/** Two keys that differ in what is replaced must not become one: a value would be lost. */
function distinctKey(key: string, taken: Set<string>): string {
  let own = wellFormed(key);
  if (own === key) return key;
  while (taken.has(own)) own += REPLACEMENT;
  taken.add(own);
  return own;
}

// Runs in: any thread.

/** What a JSON text may weigh before it is refused unread, in UTF-16 code units. */
export const MAX_CONFIG_LENGTH = 1_048_576;

/** A text that is not JSON, with the place where it stops being so. */
export class JsonError extends Error {
  override name = "JsonError";
}

/** A text that is JSON, but says one thing twice. */
export class DuplicateKeyError extends Error {
  override name = "DuplicateKeyError";
}

/**
 * Parses JSON as a person means it: errors carry line and column, and a key that stands twice in one object is
 * an error (plain `JSON.parse` would silently take the last).
 *
 * @throws {JsonError | DuplicateKeyError}
 */
export function parseJson(text: string): unknown {
  if (text.length > MAX_CONFIG_LENGTH) {
    throw new JsonError(`it is ${(text.length / 1_048_576).toFixed(1)} MiB big; at most 1 MiB is read`);
  }
  if (text.trim() === "") throw new JsonError("it is empty");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch { // its words show a piece of the text, which may be a secret
    throw new JsonError(describeSyntaxError(text));
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) {
    throw new DuplicateKeyError(
      `the key "${duplicate.key}" stands twice in one object, again at ${place(text, duplicate.offset)}`,
    );
  }
  return value;
}

/** The parser names the place of some faults only, so it is asked again with beginnings of the text. */
function describeSyntaxError(text: string): string {
  if (isBeginning(text)) return `it is not JSON: it ends too early, at ${place(text, text.length)}`;
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (isBeginning(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return `it is not JSON: ${JSON.stringify(text[good])} is not expected at ${place(text, good)}`;
}

/** Whether more text could make it JSON. */
function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as SyntaxError;
    const position = /at position (\d+)/.exec(message)?.[1];
    return /end of JSON input/.test(message) || Number(position) === text.length;
  }
}

function place(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** Walks the tokens of a text that is known to be valid JSON. */
function findDuplicateKey(text: string): { key: string; offset: number } | undefined {
  const open: (Set<string> | null)[] = []; // a set of keys per open object, null per open array
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    const [token, colon] = match;
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(token.slice(0, token.length - colon.length));
      const keys = open.at(-1)!;
      if (keys.has(key)) return { key, offset: match.index };
      keys.add(key);
    }
  }
  return undefined;
}

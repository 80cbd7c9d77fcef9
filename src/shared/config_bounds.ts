// Runs in: any thread.

/** What a remote configuration may weigh: many times what a node needs, and little for its memory. */
export const MAX_CHARACTERS = 262_144;
const MAX_TEXT_CHARACTERS = 65_536;
/** Keys and elements of lists, at all depths. */
export const MAX_VALUES = 10_000;
export const MAX_DEPTH = 64;

/**
 * Why a received configuration is too much to be looked at; undefined when it is not. Costs no more than the bounds do,
 * whatever has come.
 */
export function exceededBound(config: unknown): string | undefined {
  let characters = 0;
  let values = 0;
  const waiting: [value: unknown, depth: number][] = [[config, 1]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, depth] = next;
    if (typeof value === "string") {
      if (value.length > MAX_TEXT_CHARACTERS) {
        return `a text in it has more than ${MAX_TEXT_CHARACTERS} characters`;
      }
      characters += value.length;
    }
    if (characters > MAX_CHARACTERS) return `it is larger than ${MAX_CHARACTERS / 1024} KiB`;
    if (typeof value !== "object" || value === null) continue;
    if (depth > MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} deep`;
    for (const key in value) {
      characters += Array.isArray(value) ? 0 : key.length;
      if (++values > MAX_VALUES) return `it has more than ${MAX_VALUES} keys and elements`;
      waiting.push([(value as Record<string, unknown>)[key], depth + 1]);
    }
  }
  return undefined;
}

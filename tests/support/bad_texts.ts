// Runs in: tests.
import fc from "fast-check";

/** Any text, with what breaks servers more often than chance would have it: NUL, half surrogate pairs, escapes. */
export const badText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\0",
      "\uD83D",
      "\uDE00",
      "\uD83D\uDE00",
      "\\",
      "\\u0000",
      "\\ud800",
      '"',
      "\n",
      "\u0001",
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom("a", "é", "€"),
  ),
});

/** Whether a JSON text holds nothing that a strict server or PostgreSQL refuses; written apart from what it checks. */
export function isClean(json: string): boolean {
  const texts: string[] = [];
  JSON.parse(json, (key, value) => {
    texts.push(key);
    if (typeof value === "string") texts.push(value);
    return value;
  });
  const utf8 = new TextDecoder("utf-8", { fatal: true }).decode(new TextEncoder().encode(json));
  return utf8 === json && texts.every((text) => !text.includes("\0") && !/\p{Surrogate}/u.test(text));
}

// Runs in: main thread.
import { REDACTED, shownText } from "../shared/secrets.ts";

/** Shorter secrets would hide ordinary words. */
const SHORTEST = 4;

/** Texts that nobody may read, wherever in another text they stand; also what addresses carry along. */
export class HiddenTexts {
  /** The longest first, since one may be part of another. */
  #texts: string[] = [];

  add(secrets: string[]): void {
    const more = secrets.filter(({ length }) => length >= SHORTEST).flatMap(spellings);
    this.#texts = [...new Set([...this.#texts, ...more])].sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    return this.#texts.reduce((hidden, secret) => hidden.replaceAll(secret, REDACTED), shownText(text));
  }
}

/** How a secret looks in plain text, in JSON, where values are listed (other quotes), and in an address. */
function spellings(secret: string): string[] {
  const listed = Deno.inspect([secret], { breakLength: Infinity, strAbbreviateSize: Infinity }); // [ 'secret' ]
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    listed.slice(3, -3),
    encodeURIComponent(secret.toWellFormed()),
  ];
}

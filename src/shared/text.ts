// Runs in: any thread.

/** A text of at most `length` UTF-16 code units, cut between two characters. */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

/**
 * Characters that a terminal, or whoever reads lines, would obey: C0 and C1 controls, the separators of lines and
 * paragraphs, and what turns the direction of text. A tab only moves on.
 */
// deno-lint-ignore no-control-regex
const OBEYED = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line of a text from outside, whose controls are shown instead of obeyed: `\\x1b`, `\\u202e`. */
export function visibleText(line: string): string {
  return line.replace(OBEYED, (control) => {
    const code = control.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The last `length` UTF-16 code units of a text at most, from the beginning of a character on. */
export function endOfText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(text.length - length).replace(/^[\udc00-\udfff]/, "");
}

/** The first `most` characters (code points) of a text: what servers count that are written in Python or Go. */
export function firstCharacters(text: string, most: number): string {
  if (text.length <= most) return text; // no text has more characters than UTF-16 code units
  let end = 0;
  for (let count = 0; count < most && end < text.length; count++) {
    end += text.codePointAt(end)! > 0xFFFF ? 2 : 1;
  }
  return text.slice(0, end);
}

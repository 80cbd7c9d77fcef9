// Runs in: browser.

/** What terminals and browsers obey instead of showing: as `src/shared/text.ts` has it, and a test compares the two. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text whose controls are shown: `\\x1b`, `\\u202e`; its lines stay lines. */
export function visibleText(text) {
  return text.split("\n").map((line) => line.replace(OBEYED, show)).join("\n");
}

function show(control) {
  const code = control.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

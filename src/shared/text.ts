// Runs in: any thread.

/** A text of at most `length` UTF-16 code units, cut between two characters. */
export function cutText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

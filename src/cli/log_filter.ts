// Runs in: main thread.
import { type Level, levelRank, LEVELS } from "../shared/message.ts";

/** Which entries are wanted. */
export interface LogWish {
  /** The least. */
  level: Level;
  /** Unix milliseconds; 0 = all. */
  sinceMs: number;
  /** Only this component's. */
  origin: string | undefined;
}

/** `2026-11-22T12:00:00.123`, before the Z. */
const TIME_LENGTH = 23;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}/y;

/**
 * Picks the wanted entries out of blocks of whole lines; a line of a details block goes with its entry. It searches for
 * the few words that a wanted line has and looks at no other line, which is as fast as grep.
 *
 * @returns for each block the wanted lines, with their ends.
 */
export function createLogFilter({ level, sinceMs, origin }: LogWish): (block: string) => string {
  if (level === "DEBUG" && sinceMs === 0 && origin === undefined) return (block) => block;
  const levels = LEVELS.filter((name) => levelRank(name) >= levelRank(level)).map((name) => name.padEnd(9));
  const of = origin === undefined ? "" : `${RegExp.escape(origin)} {2}`;
  const wanted = new RegExp(`Z (?:${levels.join("|")}) ${of}`, "g");
  const since = new Date(sinceMs).toISOString();
  let isOpen = false; // the last entry is wanted, and may go on in the next block
  return (block) => {
    let at = isOpen ? nextEntry(block, 0) : 0;
    const shown = [block.slice(0, at)];
    isOpen &&= at === block.length;
    wanted.lastIndex = at;
    for (let match; (match = wanted.exec(block)) !== null;) {
      const start = match.index - TIME_LENGTH;
      if (!isEntry(block, start) || start < at || block.slice(start, match.index + 1) < since) continue;
      at = nextEntry(block, match.index);
      shown.push(block.slice(start, at));
      isOpen = at === block.length;
      wanted.lastIndex = at;
    }
    return shown.join("");
  };
}

function isEntry(block: string, start: number): boolean {
  TIME.lastIndex = start;
  return (start === 0 || block[start - 1] === "\n") && TIME.test(block);
}

/** Where the first entry starts at or after an index; the block's end when none does. */
function nextEntry(block: string, from: number): number {
  const entry = /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:DEBUG|INFO|WARNING|ERROR|EXCEPTION) /gm;
  entry.lastIndex = from;
  return entry.exec(block)?.index ?? block.length;
}

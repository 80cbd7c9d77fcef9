// Runs in: tests.
import { type DiskHistory, folderOfPath, type Inode, movedWith } from "./disk_history.ts";
import { isSynced } from "./forgetful_disk.ts";

/** What is at a path, and the event that put it there; a folder has no content. */
interface Made {
  index: number;
  inode?: Inode;
}

/**
 * What of a part of a history a power cut could still take back when it comes at its end: names of files and folders, the
 * content of files that have a name then, and that names are gone.
 *
 * @param from the first event of the part; what was before counts as safe
 * @param behind the first event behind the part
 * @param isPromised whether a path counts
 */
export function unsynced(
  { events }: Pick<DiskHistory, "events">,
  from: number,
  behind: number,
  isPromised: (path: string) => boolean,
): string[] {
  const past = events.slice(0, behind);
  const isLost = (index: number) => index >= from && !isSynced(past[index]!, index, past);
  const { made, gone } = namesAfter({ events: past });
  const lostContents = new Set(past.flatMap((event, index) => {
    const changesContent = event.kind === "write" || event.kind === "truncate";
    return changesContent && isLost(index) ? [event.inode] : [];
  }));
  const lost: [path: string, what: string][] = [];
  for (const [path, { index, inode }] of made) {
    if (isLost(index)) lost.push([path, "its name"]);
    if (inode !== undefined && lostContents.has(inode)) lost.push([path, "its content"]);
  }
  for (const [path, index] of gone) {
    const isGoneWithFolder = gone.has(folderOfPath(path));
    if (isLost(index) && !isGoneWithFolder) lost.push([path, "that it is gone"]);
  }
  return lost.filter(([path]) => isPromised(path)).map(([path, what]) => `${path}: ${what}`);
}

function namesAfter({ events }: Pick<DiskHistory, "events">): {
  made: Map<string, Made>;
  /** Of names that have been removed for good. */
  gone: Map<string, number>;
} {
  let made = new Map<string, Made>();
  const gone = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    if (event.kind === "link") made.set(event.path, { index, inode: event.inode });
    if (event.kind === "folder") made.set(event.path, { index });
    if (event.kind === "unlink") {
      made.delete(event.path);
      gone.set(event.path, index);
    }
    if (event.kind === "rename") {
      const { from, path } = event;
      const moved = made.get(from);
      made = new Map([...made].map(([name, fact]) => [movedWith(name, from, path), fact]));
      made.set(path, { ...moved, index });
    }
  }
  for (const path of made.keys()) gone.delete(path);
  return { made, gone };
}

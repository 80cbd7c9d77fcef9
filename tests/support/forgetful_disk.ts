// Runs in: tests.
import { join } from "@std/path";
import { type DiskEvent, type DiskHistory, folderOf, folderOfPath, type Inode } from "./disk_history.ts";

const SECTOR_BYTES = 512;

/** What a power cut leaves of that which was not synced. */
export interface Forgetting {
  name: string;
  /** Whether a change of names that was not synced is there; they survive in order or not at all. */
  keepsNames: boolean;
  /** Whether a sector that was not synced is there. */
  keepsSector: (random: () => number) => boolean;
}

export const FORGETTINGS: readonly Forgetting[] = [
  { name: "only what was synced is left", keepsNames: false, keepsSector: () => false },
  { name: "names are ahead of contents", keepsNames: true, keepsSector: () => false },
  { name: "any sectors are left", keepsNames: true, keepsSector: (random) => random() < 0.5 },
  { name: "contents are ahead of names", keepsNames: false, keepsSector: () => true },
];

/**
 * Writes down what a disk holds when the power is cut behind an event.
 *
 * @param folder a new folder
 * @param random numbers from 0 to 1
 */
export function leaveBehind(
  { initial, events }: DiskHistory,
  behind: number,
  { keepsNames, keepsSector }: Forgetting,
  random: () => number,
  folder: string,
): void {
  const contents = new Map([...initial.values()].map(({ inode, data }) => [inode, data]));
  const names = new Map<string, Inode>([...initial].map(([path, { inode }]) => [path, inode]));
  const folders = new Set(["", ...[...names.keys()].map(folderOfPath)]);
  const past = events.slice(0, behind);
  past.forEach((event, index) => {
    const isSafe = isSynced(event, index, past);
    if (folderOf(event) === undefined) changeContent(contents, event, () => isSafe || keepsSector(random));
    else if (isSafe || keepsNames) changeName(names, folders, event);
  });
  for (const path of folders) Deno.mkdirSync(join(folder, path), { recursive: true });
  for (const [path, inode] of names) {
    if (!folders.has(folderOfPath(path))) continue; // lost with its folder
    Deno.writeFileSync(join(folder, path), contents.get(inode) ?? new Uint8Array(0));
  }
}

/** True when a later sync that had begun after the event covers it, and no sync before has failed to. */
export function isSynced(event: DiskEvent, index: number, past: DiskEvent[]): boolean {
  const changed = folderOf(event);
  const first = past.slice(index).find((later) => {
    if (later.kind === "sync_folder") return later.path === changed && later.covers > index;
    return (later.kind === "sync" || later.kind === "failed_sync") && changed === undefined &&
      "inode" in event && later.inode === event.inode && later.covers > index;
  });
  return first !== undefined && first.kind !== "failed_sync";
}

function changeContent(contents: Map<Inode, Uint8Array>, event: DiskEvent, keeps: () => boolean): void {
  if (event.kind === "truncate" && keeps()) {
    const old = contents.get(event.inode) ?? new Uint8Array(0);
    contents.set(event.inode, resized(old, event.size));
  }
  if (event.kind !== "write") return;
  const { inode, offset, data } = event;
  for (let start = 0; start < data.length;) {
    const end = Math.min(data.length, start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES);
    if (keeps()) {
      const old = contents.get(inode) ?? new Uint8Array(0);
      const grown = resized(old, Math.max(old.length, offset + end));
      grown.set(data.subarray(start, end), offset + start);
      contents.set(inode, grown);
    }
    start = end;
  }
}

function changeName(names: Map<string, Inode>, folders: Set<string>, event: DiskEvent): void {
  if (event.kind === "folder") folders.add(event.path);
  if (event.kind === "link") names.set(event.path, event.inode);
  if (event.kind === "unlink") names.delete(event.path);
  if (event.kind !== "rename") return;
  const inode = names.get(event.from);
  if (inode === undefined) return; // the name it had before was forgotten
  names.delete(event.from);
  names.set(event.path, inode);
}

/** A copy of another length, with zeros behind the end. */
function resized(old: Uint8Array, size: number): Uint8Array {
  const grown = new Uint8Array(size);
  grown.set(old.subarray(0, size));
  return grown;
}

// Runs in: tests.
import { dirname, join, relative } from "@std/path";
import {
  descriptorIn,
  descriptorsIn,
  parseTrace,
  pathsIn,
  stringsIn,
  type TracedCall,
} from "./strace_log.ts";

/** A file's content lives on while its name changes. */
export type Inode = number;

/**
 * Something that happened to a disk. `covers`: all events before this number were done when the sync began. After a sync
 * that has failed the system takes what it covers for written, and never writes it.
 */
export type DiskEvent =
  | { kind: "write"; inode: Inode; offset: number; data: Uint8Array }
  | { kind: "truncate"; inode: Inode; size: number }
  | { kind: "link"; path: string; inode: Inode }
  | { kind: "folder"; path: string }
  | { kind: "rename"; from: string; path: string }
  | { kind: "unlink"; path: string }
  | { kind: "sync"; inode: Inode; covers: number }
  | { kind: "sync_folder"; path: string; covers: number }
  | { kind: "failed_sync"; inode: Inode; covers: number }
  | { kind: "said"; text: string };

export interface DiskHistory {
  /** Files that were there before the first event, by path relative to the folder. */
  initial: Map<string, { inode: Inode; data: Uint8Array }>;
  events: DiskEvent[];
}

/** Calls whose history is kept; to be logged with `-f -y -xx -s` and enough room. */
export const HISTORIC_CALLS = [
  "openat",
  "write",
  "pwrite64",
  "copy_file_range",
  "sendfile",
  "fsync",
  "fdatasync",
  "ftruncate",
  "rename",
  "renameat",
  "renameat2",
  "link",
  "linkat",
  "symlink",
  "symlinkat",
  "unlink",
  "unlinkat",
  "rmdir",
  "mkdir",
  "mkdirat",
] as const;

interface Descriptor {
  isAppending: boolean;
  offset: number;
}

/** Turns a log of system calls into what happened below a folder, and what the program said meanwhile. */
export class HistoryReader {
  #folder: string;
  #initial: DiskHistory["initial"] = new Map();
  #events: DiskEvent[] = [];
  #names = new Map<string, Inode>();
  #folders = new Set<string>([""]);
  #sizes = new Map<Inode, number>();
  #descriptors = new Map<number, Descriptor>();
  /** By file, the descriptor that was opened last: for those that are copies of it. */
  #lastOpened = new Map<Inode, Descriptor>();
  /** How many events there were when so many calls had returned. */
  #eventsAfterCall: number[] = [0];
  #lastInode = 0;

  /** @param folder the folder as it was before, at the path that it had while it was traced */
  constructor(folder: string) {
    this.#folder = folder;
    this.#readInitial("");
  }

  /** Reads on, with the log of the next process. */
  read(trace: string): this {
    this.#descriptors.clear();
    this.#eventsAfterCall = [this.#events.length];
    for (const call of parseTrace(trace)) {
      if (call.result >= 0 || call.name.endsWith("sync")) this.#apply(call);
      this.#eventsAfterCall.push(this.#events.length);
    }
    return this;
  }

  get history(): DiskHistory {
    return { initial: this.#initial, events: this.#events };
  }

  #readInitial(path: string): void {
    for (const { name, isDirectory } of Deno.readDirSync(join(this.#folder, path))) {
      const below = join(path, name);
      if (isDirectory) {
        this.#folders.add(below);
        this.#readInitial(below);
      } else {
        const data = Deno.readFileSync(join(this.#folder, below));
        const inode = this.#newInode(below, data.length);
        this.#initial.set(below, { inode, data });
      }
    }
  }

  #apply({ name, args, result, begunAfter }: TracedCall): void {
    const covers = this.#eventsAfterCall[begunAfter] ?? 0;
    switch (name) {
      case "openat":
        return this.#open(args, result);
      case "write":
        return this.#write(args, result);
      case "pwrite64":
        return this.#writeAt(args, result, Number(args.slice(args.lastIndexOf(",") + 1)));
      case "copy_file_range":
        return this.#copy(descriptorsIn(args)[1]!.path, result);
      case "sendfile":
        return this.#copy(descriptorsIn(args)[0]!.path, result);
      case "ftruncate":
        return this.#truncate(args);
      case "fsync":
      case "fdatasync":
        return this.#sync(args, covers, result < 0);
      case "rename":
      case "renameat":
      case "renameat2":
        return this.#rename(args);
      case "link":
      case "linkat":
        return this.#link(args);
      case "symlink":
      case "symlinkat":
        return this.#symlink(args);
      case "unlink":
      case "unlinkat":
      case "rmdir":
        return this.#unlink(args);
      case "mkdir":
      case "mkdirat":
        return this.#makeFolder(args);
      default:
        throw new Error(`strace has logged ${name}, which nobody asked for`);
    }
  }

  #open(args: string, fd: number): void {
    const path = this.#inside(pathsIn(args)[0]!);
    this.#descriptors.delete(fd);
    if (path === undefined || this.#folders.has(path)) return;
    const known = this.#names.get(path);
    if (known === undefined && !args.includes("O_CREAT")) return;
    const inode = known ?? this.#newInode(path, 0);
    if (known === undefined) this.#events.push({ kind: "link", path, inode });
    else if (args.includes("O_TRUNC")) {
      this.#events.push({ kind: "truncate", inode, size: 0 });
      this.#sizes.set(inode, 0);
    }
    const descriptor = { isAppending: args.includes("O_APPEND"), offset: 0 };
    this.#descriptors.set(fd, descriptor);
    if (!args.includes("O_RDONLY")) this.#lastOpened.set(inode, descriptor);
  }

  #write(args: string, written: number): void {
    const { fd } = descriptorIn(args)!;
    if (fd === 1) this.#events.push({ kind: "said", text: new TextDecoder().decode(stringsIn(args)[0]) });
    const inode = this.#inodeOf(args);
    if (inode === undefined) return;
    const descriptor = this.#lastOpened.get(inode) ?? this.#descriptors.get(fd);
    if (descriptor === undefined) return;
    const offset = descriptor.isAppending ? this.#sizes.get(inode)! : descriptor.offset;
    descriptor.offset = offset + written;
    this.#writeAt(args, written, offset);
  }

  #writeAt(args: string, written: number, offset: number): void {
    const inode = this.#inodeOf(args);
    if (inode === undefined) return;
    const data = stringsIn(args)[0]!.subarray(0, written);
    this.#events.push({ kind: "write", inode, offset, data });
    this.#sizes.set(inode, Math.max(this.#sizes.get(inode)!, offset + data.length));
  }

  /** Within the kernel: what is copied nobody sees, only that something is. */
  #copy(to: string, count: number): void {
    const path = this.#inside(to);
    const inode = path === undefined ? undefined : this.#names.get(path);
    if (inode === undefined || count === 0) return;
    const offset = this.#sizes.get(inode)!;
    this.#events.push({ kind: "write", inode, offset, data: new Uint8Array(count) });
    this.#sizes.set(inode, offset + count);
  }

  /** What comes from elsewhere may have been written only just now, by whomever; one byte stands for it. */
  #link(args: string): void {
    const [from, to] = pathsIn(args) as [string, string];
    const [source, path] = [this.#inside(from), this.#inside(to)];
    if (path === undefined) return;
    const known = source === undefined ? undefined : this.#names.get(source);
    const inode = known ?? this.#newInode(path, 0);
    this.#names.set(path, inode);
    this.#events.push({ kind: "link", path, inode });
    if (known !== undefined) return;
    this.#events.push({ kind: "write", inode, offset: 0, data: new Uint8Array(1) });
  }

  #symlink(args: string): void {
    const path = this.#inside(pathsIn(args)[1]!);
    if (path === undefined) return;
    this.#events.push({ kind: "link", path, inode: this.#newInode(path, 0) });
  }

  #truncate(args: string): void {
    const inode = this.#inodeOf(args);
    const size = Number(args.slice(args.lastIndexOf(",") + 1));
    if (inode === undefined) return;
    this.#events.push({ kind: "truncate", inode, size });
    this.#sizes.set(inode, size);
  }

  #sync(args: string, covers: number, hasFailed: boolean): void {
    const path = this.#inside(descriptorIn(args)!.path);
    const inode = this.#inodeOf(args);
    if (inode !== undefined) this.#events.push({ kind: hasFailed ? "failed_sync" : "sync", inode, covers });
    else if (path !== undefined && this.#folders.has(path) && !hasFailed) {
      this.#events.push({ kind: "sync_folder", path, covers });
    }
  }

  #rename(args: string): void {
    const [from, path] = pathsIn(args).map((each) => this.#inside(each));
    if (from === undefined || path === undefined) return;
    this.#events.push({ kind: "rename", from, path });
    this.#folders = new Set([...this.#folders].map((name) => movedWith(name, from, path)));
    this.#names = new Map([...this.#names].map(([name, inode]) => [movedWith(name, from, path), inode]));
  }

  #unlink(args: string): void {
    const path = this.#inside(pathsIn(args)[0]!);
    if (path === undefined) return;
    this.#events.push({ kind: "unlink", path });
    this.#names.delete(path);
    this.#folders.delete(path);
  }

  #makeFolder(args: string): void {
    const path = this.#inside(pathsIn(args)[0]!);
    if (path === undefined || this.#folders.has(path)) return;
    this.#events.push({ kind: "folder", path });
    this.#folders.add(path);
  }

  #newInode(path: string, size: number): Inode {
    const inode = ++this.#lastInode;
    this.#names.set(path, inode);
    this.#sizes.set(inode, size);
    return inode;
  }

  #inodeOf(args: string): Inode | undefined {
    const path = this.#inside(descriptorIn(args)!.path);
    return path === undefined ? undefined : this.#names.get(path);
  }

  /** The path relative to the folder; undefined when it lies elsewhere. */
  #inside(path: string): string | undefined {
    const below = relative(this.#folder, path);
    return below.startsWith("..") ? undefined : below;
  }
}

/** The name that something has after a rename, of itself or of a folder that it lies in. */
export function movedWith(name: string, from: string, to: string): string {
  if (name === from) return to;
  return name.startsWith(`${from}/`) ? to + name.slice(from.length) : name;
}

/** The folder that an event changes, when it changes names. */
export function folderOf(event: DiskEvent): string | undefined {
  if (
    event.kind !== "link" && event.kind !== "folder" && event.kind !== "rename" && event.kind !== "unlink"
  ) {
    return undefined;
  }
  return folderOfPath(event.path);
}

/** The folder of a relative path; "" for the uppermost. */
export function folderOfPath(path: string): string {
  const folder = dirname(path);
  return folder === "." ? "" : folder;
}

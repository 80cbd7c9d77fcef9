// Runs in: tests.
import type { Devices } from "../../src/runtime/devices.ts";

/** Files below `/proc`, `/sys` and `/dev` that are only in memory, for a procedure whose hardware is not there. */
export interface FakeDevices extends Devices {
  /** What the files hold now, by path: a test may change it. */
  readonly files: Record<string, string>;
  /** Every write, in order. */
  readonly written: { path: string; text: string }[];
}

/** @param files What the files hold at first, by path. */
export function fakeDevices(files: Record<string, string> = {}): FakeDevices {
  const written: FakeDevices["written"] = [];
  const find = (operation: string, path: string) => {
    if (!Object.hasOwn(files, path)) throw new Error(`cannot ${operation} ${path}: there is no such file`);
    return files[path]!;
  };
  return {
    files,
    written,
    read: async (path) => await Promise.resolve(find("read", path)),
    list: async (path) => await Promise.resolve(namesIn(path, Object.keys(files))),
    write: async (path, text) => {
      find("write", path);
      files[path] = text;
      written.push({ path, text });
      await Promise.resolve();
    },
  };
}

function namesIn(folder: string, paths: string[]): string[] {
  const below = paths.filter((path) => path.startsWith(`${folder}/`));
  return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0]!))].sort();
}

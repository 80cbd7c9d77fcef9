// Runs in: main thread.
import { dirname } from "@std/path";
import type { FieldTexts } from "../shared/state_fields.ts";
import { syncFolder } from "./files.ts";
import { exists } from "./paths.ts";
import { findDamage } from "./state_check.ts";

/** SQLite keeps recent commits in files of their own: they are part of the database, and move with it. */
const PARTS = ["", "-wal", "-shm"];
/** Deno KV takes at most 800 KiB in one commit. */
const MAX_COMMIT_BYTES = 700_000;

/** What SQLite and Deno KV say of wrong content; `at offset` stands in every complaint about the tables. */
const DAMAGE =
  /not a database|malformed|unsupported file format|returned no rows|at offset \d|constraint failed|value encoding|invalid tag|deserialize/;

/** The file is no sound database; {@link setAside} keeps it out of the way. */
export class DamagedStateError extends Error {
  override name = "DamagedStateError";
}

/** What lies in the file: each field's bytes, and when they were written (Unix milliseconds). */
export interface StoredState {
  fields: Map<string, Uint8Array>;
  savedMs: number | null;
  /** The version of Ivy that wrote them; null = it did not say. */
  writer: string | null;
  /** The fields as they were when the writer began: those of the version before it. */
  before: Map<string, Uint8Array>;
}

/**
 * The shared state on disk: a Deno KV file (SQLite with a write-ahead log that is synced at each commit) with one key
 * `["state", FIELD]` per top-level field, holding JSON in UTF-8, `["saved_ms"]` and `["writer"]`. When another version
 * takes over, `["before", FIELD]` keeps what the version before it left: its way back. What one {@link write} writes is
 * there whole or not at all, after a power cut too.
 */
export class StateFile {
  #kv: Deno.Kv;

  private constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Opens the file, or creates it.
   *
   * @throws {DamagedStateError} when it is no sound database; nothing has been changed then.
   */
  static async open(path: string): Promise<StateFile> {
    if (exists(path)) refuseDamaged(path);
    return new StateFile(await Deno.openKv(path));
  }

  async read(): Promise<StoredState> {
    const { value: savedMs } = await this.#kv.get<number>(["saved_ms"]);
    const { value: writer } = await this.#kv.get<string>(["writer"]);
    return { fields: await this.#list("state"), savedMs, writer, before: await this.#list("before") };
  }

  /** Resolves when everything is safe on disk. */
  async write(fields: FieldTexts, nowMs: number, writer: string): Promise<void> {
    await this.#commit([...entriesOf(fields), [["saved_ms"], nowMs], [["writer"], writer]]);
  }

  /**
   * Another version takes over: keeps the fields as they are for the day when it is left again.
   *
   * @param restored fields that it goes on with in another shape.
   */
  async takeOver({ fields, before }: StoredState, restored: FieldTexts, writer: string): Promise<void> {
    const kept = [...fields].map(([name, bytes]): Entry => [["before", name], bytes]);
    await this.#commit([...entriesOf(restored), ...kept, [["writer"], writer]]);
    for (const name of before.keys()) if (!fields.has(name)) await this.#kv.delete(["before", name]);
  }

  async #list(prefix: string): Promise<Map<string, Uint8Array>> {
    const fields = new Map<string, Uint8Array>();
    for await (const { key, value } of this.#kv.list<Uint8Array>({ prefix: [prefix] })) {
      fields.set(String(key[1]), value);
    }
    return fields;
  }

  /** In one commit, or in several one after the other where that would be too large. */
  async #commit(entries: Entry[]): Promise<void> {
    let commit = this.#kv.atomic();
    let sizeBytes = 0;
    for (const [key, value] of entries) {
      const length = value instanceof Uint8Array ? value.length : 0;
      if (sizeBytes + length > MAX_COMMIT_BYTES) {
        await commit.commit();
        [commit, sizeBytes] = [this.#kv.atomic(), 0];
      }
      commit.set(key, value);
      sizeBytes += length;
    }
    await commit.commit();
  }

  async remove(names: string[]): Promise<void> {
    for (const name of names) await this.#kv.delete(["state", name]);
  }

  close(): void {
    this.#kv.close();
  }
}

type Entry = [key: Deno.KvKey, value: Uint8Array | string | number];

function entriesOf(fields: FieldTexts): Entry[] {
  return Object.entries(fields).map(([name, text]) => [["state", name], new TextEncoder().encode(text)]);
}

function refuseDamaged(path: string): void {
  const damage = findDamage(path);
  if (damage !== undefined) throw new DamagedStateError(damage);
}

/** Whether an error means that the file's content is wrong, and not that the disk is full, busy or out of reach. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedStateError) return true;
  return DAMAGE.test(String(error));
}

/**
 * Moves a file with all its parts out of the way, so that a new one can be begun.
 *
 * @returns its new path.
 */
export function setAside(path: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(":", "-");
  const target = `${path}.damaged-${time}`;
  for (const part of PARTS) if (exists(path + part)) Deno.renameSync(path + part, target + part);
  syncFolder(dirname(path));
  return target;
}

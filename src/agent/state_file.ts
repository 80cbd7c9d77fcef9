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
}

/**
 * The shared state on disk: a Deno KV file (SQLite with a write-ahead log that is synced at each commit) with one key
 * `["state", FIELD]` per top-level field, holding JSON in UTF-8, and `["saved_ms"]`. What one {@link write} writes is
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
    const fields = new Map<string, Uint8Array>();
    for await (const { key, value } of this.#kv.list<Uint8Array>({ prefix: ["state"] })) {
      fields.set(String(key[1]), value);
    }
    return { fields, savedMs };
  }

  /** Resolves when everything is safe on disk. */
  async write(fields: FieldTexts, nowMs: number): Promise<void> {
    let commit = this.#kv.atomic();
    let sizeBytes = 0;
    for (const [name, text] of Object.entries(fields)) {
      const bytes = new TextEncoder().encode(text);
      if (sizeBytes + bytes.length > MAX_COMMIT_BYTES) {
        await commit.commit();
        [commit, sizeBytes] = [this.#kv.atomic(), 0];
      }
      commit.set(["state", name], bytes);
      sizeBytes += bytes.length;
    }
    await commit.set(["saved_ms"], nowMs).commit();
  }

  async remove(names: string[]): Promise<void> {
    for (const name of names) await this.#kv.delete(["state", name]);
  }

  close(): void {
    this.#kv.close();
  }
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

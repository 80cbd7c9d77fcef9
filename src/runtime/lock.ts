// Runs in: any worker thread.
import { sentenceOf } from "../shared/errors.ts";
import { addressOf, cString, lastError, type Libc, libcBase, openLibc } from "../shared/libc.ts";
import type { LockOrder, LockToMain } from "../shared/protocol.ts";
import { fileFilter, signalFilter } from "../shared/seccomp_filter.ts";

// Main starts a locked worker with two imports: this module, then the worker's own. Modules run in the order of their
// imports, so nothing of the worker's has run when this one does, and the worker may load native libraries while it
// runs and no longer. Nothing here may wait: the next module would run meanwhile.

/** See prctl(2). */
const SET_NO_NEW_PRIVILEGES = 38;
const SET_SECCOMP = 22;
const SECCOMP_FILTER = 2n;

/** System calls of Landlock and what they take, see landlock(7); the same numbers on every processor. */
const CREATE_RULESET = 444n;
const ADD_RULE = 445n;
const RESTRICT_SELF = 446n;
const PATH_BENEATH = 1n;
const READ_FILE = 4n;
const READ_FOLDER = 8n;
/** Moving a file to another folder, which is denied unless it is named. */
const MOVE = 8192n;

/** See open(2). */
const ONLY_PATH = 0o10000000;
const CLOSE_ON_EXEC = 0o2000000;

const EACCES = 13;

function lock(order: LockOrder): void {
  const libc = openLibc();
  try {
    demand(libc, "prctl", libc.symbols.prctl(SET_NO_NEW_PRIVILEGES, 1n, 0n, 0n, 0n));
    if (order.kind === "landlock") restrictReading(libc, order);
    install(
      libc,
      order.kind === "seccomp" ? filterOfFiles(libc, order.allowedPaths) : signalFilter(Deno.build.arch),
    );
    if (order.kind !== "signals") knock(libc);
  } finally {
    libc.close();
  }
}

function filterOfFiles(libc: Libc, offsets: number[]): Uint8Array<ArrayBuffer> | undefined {
  const base = offsets.length === 0 ? 0n : libcBase(libc);
  if (base === undefined) throw new Error("the C library does not say where it lies");
  return fileFilter(Deno.build.arch, offsets.map((offset) => base + BigInt(offset)));
}

function install(libc: Libc, filter: Uint8Array<ArrayBuffer> | undefined): void {
  if (filter === undefined) throw new Error(`there is no filter for ${Deno.build.arch}`);
  const program = new BigUint64Array([BigInt(filter.length / 8), addressOf(filter)]); // struct sock_fprog
  const address = addressOf(new Uint8Array(program.buffer));
  demand(libc, "prctl", libc.symbols.prctl(SET_SECCOMP, SECCOMP_FILTER, address, 0n, 0n));
}

function restrictReading(libc: Libc, { folders, files }: LockOrder & { kind: "landlock" }): void {
  const { syscall, close } = libc.symbols;
  const handled = new Uint8Array(new BigUint64Array([READ_FILE | READ_FOLDER | MOVE]).buffer);
  const ruleset = demand(libc, "landlock", syscall(CREATE_RULESET, addressOf(handled), 8n, 0n, 0n));
  for (const folder of folders) allow(libc, ruleset, folder, READ_FILE | READ_FOLDER | MOVE);
  for (const file of files) allow(libc, ruleset, file, READ_FILE);
  demand(libc, "landlock", syscall(RESTRICT_SELF, BigInt(ruleset), 0n, 0n, 0n));
  close(ruleset);
}

/** What is not there any more needs no rule. */
function allow(libc: Libc, ruleset: number, path: string, access: bigint): void {
  const { open, close, syscall } = libc.symbols;
  const handle = open(cString(path), ONLY_PATH | CLOSE_ON_EXEC);
  if (handle < 0) return;
  const rule = new DataView(new ArrayBuffer(12)); // struct landlock_path_beneath_attr
  rule.setBigUint64(0, access, true);
  rule.setInt32(8, handle, true);
  const address = addressOf(new Uint8Array(rule.buffer));
  const result = syscall(ADD_RULE, BigInt(ruleset), PATH_BENEATH, address, 0n);
  const error = lastError(libc);
  close(handle);
  if (result !== 0n) throw new Error(`landlock fails for ${path}: error ${error}`);
}

/** A lock counts when it holds: the root folder may be listed by everybody else. */
function knock(libc: Libc): void {
  const handle = libc.symbols.open(cString("/"), CLOSE_ON_EXEC);
  if (handle < 0 && lastError(libc) === EACCES) return;
  if (handle >= 0) libc.symbols.close(handle);
  throw new Error("it was installed and keeps nobody from opening files");
}

/** @throws {Error} when a call failed */
function demand(libc: Libc, call: string, result: number | bigint): number {
  if (result < 0) throw new Error(`${call} fails: error ${lastError(libc)}`);
  return Number(result);
}

/** What is wrong with the lock; null when it holds. */
function tryLock(): string | null {
  try {
    lock(JSON.parse(decodeURIComponent(location.hash.slice(1))) as LockOrder);
    return null;
  } catch (error) {
    return sentenceOf(error);
  } finally {
    Deno.permissions.revokeSync({ name: "ffi" });
  }
}

const scope = globalThis as unknown as { postMessage(message: LockToMain): void };
scope.postMessage({ type: "locked", failure: tryLock() });

// Runs in: main thread.
import { lastError, type Libc, openLibc } from "../shared/libc.ts";
import { fileFilter } from "../shared/seccomp_filter.ts";
import { findNamePaths, loadNameServices } from "./name_files.ts";

/** What this machine has to lock threads with. */
export interface LockMeans {
  hasSeccomp: boolean;
  /** The version of the kernel's Landlock; 0 = it has none. */
  landlockVersion: number;
  /** Where the C library keeps the paths that it resolves names with; undefined where that cannot be found out. */
  namePaths: number[] | undefined;
}

/** See prctl(2) and landlock(7). */
const SET_SECCOMP = 22;
const SECCOMP_FILTER = 2n;
const LANDLOCK_CREATE_RULESET = 444n;
const ONLY_VERSION = 1n;
/** What a kernel with filters says to a filter at no address. */
const EFAULT = 14;

/** Found out once: neither kernel nor C library change while a process lives. */
let means: LockMeans | undefined;

/**
 * What this machine has to lock threads with. The first call also prepares the process for locked threads: what they
 * load once for all threads, they could not load any more.
 */
export function lockMeans(): LockMeans {
  if (means !== undefined) return means;
  means = askMachine();
  Deno.createHttpClient({}).close(); // the certificates that `DENO_TLS_CA_STORE` names
  new Intl.DateTimeFormat().resolvedOptions(); // the machine's time zone
  loadNameServices(readIfThere("/etc/nsswitch.conf"));
  return means;
}

function askMachine(): LockMeans {
  try {
    const libc = openLibc();
    try {
      return {
        hasSeccomp: hasSeccomp(libc),
        landlockVersion: Math.max(0, Number(createNoRuleset(libc))),
        namePaths: findNamePaths(libc),
      };
    } finally {
      libc.close();
    }
  } catch {
    return { hasSeccomp: false, landlockVersion: 0, namePaths: undefined }; // another C library
  }
}

function hasSeccomp(libc: Libc): boolean {
  libc.symbols.prctl(SET_SECCOMP, SECCOMP_FILTER, 0n, 0n, 0n);
  return lastError(libc) === EFAULT && fileFilter(Deno.build.arch) !== undefined;
}

function createNoRuleset({ symbols }: Libc): bigint {
  return symbols.syscall(LANDLOCK_CREATE_RULESET, 0n, 0n, ONLY_VERSION, 0n);
}

function readIfThere(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

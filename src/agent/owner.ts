// Runs in: main thread.
import { firstExisting } from "./paths.ts";

/** Whose rights something is done with, as the kernel knows them. */
interface Rights {
  uid: number;
  gid: number;
  groups: number[];
}

/** For setresuid(2) and setresgid(2): leave this one as it is. */
const UNCHANGED = 0xffff_ffff;

const SYMBOLS = {
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  getgroups: { parameters: ["i32", "buffer"], result: "i32" },
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  geteuid: { parameters: [], result: "u32" },
} as const;

/** NGROUPS_MAX of Linux. */
const MAX_GROUPS = 65_536;

/**
 * Where root meets a root folder that belongs to somebody else, this process becomes that user, in all threads and with
 * no way back: who may write there could have put a link to anything into it. Of a folder that is missing, it is the
 * owner of the one that it would be made in. Does nothing for root's own folders, nor for any other user.
 *
 * @param root With its links followed.
 * @throws {Error} when the system does not let the rights go; nothing may be done then.
 */
export function becomeOwnerOf(root: string): void {
  const uid = foreignOwner(root);
  if (uid === undefined) return;
  const { gid, groups } = rightsOf(uid);
  withLibc(({ symbols }) => {
    checked("setgroups", symbols.setgroups(BigInt(groups.length), new Uint32Array(groups)));
    checked("setresgid", symbols.setresgid(gid, gid, gid));
    checked("setresuid", symbols.setresuid(uid, uid, uid));
    if (symbols.setresuid(0, 0, 0) === 0) {
      throw new Error(`root's rights could be had again after becoming ${uid}`);
    }
  });
}

/**
 * The same for the time of some work only, by the effective user alone: for a command of which other parts need root.
 * The work must start no program, which could take the rights back, and nothing else may go on meanwhile.
 */
export async function actAsOwnerOf<T>(root: string, work: () => T | Promise<T>): Promise<T> {
  const uid = foreignOwner(root);
  return uid === undefined ? await work() : await actAs(rightsOf(uid), work);
}

/** Whose rights root gives itself up for; undefined where it does not. */
export function foreignOwner(root: string): number | undefined {
  if (Deno.uid() !== 0) return undefined;
  const { uid } = Deno.statSync(firstExisting(root));
  return uid === null || uid === 0 ? undefined : uid;
}

async function actAs<T>({ uid, gid, groups }: Rights, work: () => T | Promise<T>): Promise<T> {
  const before = withLibc(({ symbols }) => {
    if (symbols.geteuid() !== 0) return undefined; // it acts so already
    const own = new Uint32Array(MAX_GROUPS);
    const count = symbols.getgroups(own.length, own);
    checked("setgroups", symbols.setgroups(BigInt(groups.length), new Uint32Array(groups)));
    checked("setresgid", symbols.setresgid(UNCHANGED, gid, UNCHANGED));
    checked("setresuid", symbols.setresuid(UNCHANGED, uid, UNCHANGED));
    return own.subarray(0, count);
  });
  try {
    return await work();
  } finally {
    if (before !== undefined) {
      withLibc(({ symbols }) => {
        checked("setresuid", symbols.setresuid(UNCHANGED, 0, UNCHANGED));
        checked("setresgid", symbols.setresgid(UNCHANGED, 0, UNCHANGED));
        checked("setgroups", symbols.setgroups(BigInt(before.length), before));
      });
    }
  }
}

/** By the user's account; a number without one has the group of the same number and no other. */
function rightsOf(uid: number): Rights {
  const { success, stdout } = new Deno.Command("id", { args: ["-G", String(uid)], stderr: "null" })
    .outputSync();
  const [gid, ...others] = success ? new TextDecoder().decode(stdout).trim().split(" ").map(Number) : [uid];
  return { uid, gid: gid!, groups: [gid!, ...others] };
}

/** glibc's own calls change the rights of all threads, see nptl(7); the kernel's those of the calling one only. */
function withLibc<T>(use: (libc: Deno.DynamicLibrary<typeof SYMBOLS>) => T): T {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  try {
    return use(libc);
  } finally {
    libc.close();
  }
}

function checked(call: string, result: number): void {
  if (result !== 0) throw new Error(`${call} failed: root's rights cannot be given up, so nothing is done`);
}

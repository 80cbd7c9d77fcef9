// Runs in: any thread.

/** What a processor calls itself in a filter (linux/audit.h), and its numbers of the system calls that open files. */
interface CallNumbers {
  audit: number;
  /** Calls that open a file by its name, other than `openat`. */
  open: number[];
  openat: number;
  umask: number;
  /** Calls that send a signal: kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo. */
  signals: number[];
}

/** The numbers come from the kernel's tables: they never change. */
export const CALL_NUMBERS: Record<typeof Deno.build.arch, CallNumbers> = {
  // open, creat, open_by_handle_at
  x86_64: {
    audit: 0xc000003e,
    open: [2, 85, 304],
    openat: 257,
    umask: 95,
    signals: [62, 200, 234, 129, 297],
  },
  // open_by_handle_at; the others do not exist
  aarch64: { audit: 0xc00000b7, open: [265], openat: 56, umask: 166, signals: [129, 130, 131, 138, 240] },
};

/** The same numbers everywhere: `io_uring_setup` and `openat2`. Who needs them does without. */
const NEWER_CALLS = [425, 437];
/** The same number everywhere. */
const PIDFD_SEND_SIGNAL = 424;
/** Calls of the x32 kind have this bit in their number. */
const X32 = 0x4000_0000;

/** Errors, see errno(3). */
const EPERM = 1;
const EACCES = 13;
const ENOSYS = 38;

/** Instructions of a filter and what it can answer, see seccomp(2) and linux/filter.h. */
export const LOAD = 0x20;
export const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
export const RETURN = 0x06;
export const ALLOW = 0x7fff_0000;
/** With an error number. */
export const FAIL_WITH = 0x0005_0000;

/** Offsets in what a filter sees of a call, `struct seccomp_data`. */
const CALL = 0;
const PROCESSOR = 4;
const PATH_LOW = 24;
const PATH_HIGH = 28;

/** The two in the middle say how many of the next instructions to leave out. */
export type Instruction = [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * A filter under which a thread, and every thread that it starts, opens no file by its name. Changing the mask of the
 * whole process' new files (`umask`) does nothing: an error there would end the process.
 *
 * @param allowedPaths where in memory the paths lie that may be opened all the same. A filter sees a path's address
 * only, so these must lie where nobody can write.
 * @returns an array of `struct sock_filter`; undefined for a processor that is not known
 */
export function fileFilter(
  processor: string,
  allowedPaths: bigint[] = [],
): Uint8Array<ArrayBuffer> | undefined {
  const numbers = numbersOf(processor);
  if (numbers === undefined) return undefined;
  const paths = allowedPaths.flatMap(allowPath);
  return assemble([
    ...begin(numbers),
    ...answer(numbers.open, FAIL_WITH | EACCES),
    ...answer(NEWER_CALLS, FAIL_WITH | ENOSYS),
    ...answer([numbers.umask], FAIL_WITH),
    ...sendNoSignals(numbers),
    [IF_EQUAL, 0, paths.length + 1, numbers.openat],
    ...paths,
    [RETURN, 0, 0, FAIL_WITH | EACCES],
    [RETURN, 0, 0, ALLOW],
  ]);
}

/**
 * A filter under which a thread, and every thread that it starts, sends no signal. Deno lets everybody send them to its
 * own process, which would end or stop it.
 *
 * @returns as {@link fileFilter}
 */
export function signalFilter(processor: string): Uint8Array<ArrayBuffer> | undefined {
  const numbers = numbersOf(processor);
  if (numbers === undefined) return undefined;
  return assemble([...begin(numbers), ...sendNoSignals(numbers), [RETURN, 0, 0, ALLOW]]);
}

function numbersOf(processor: string): CallNumbers | undefined {
  return (CALL_NUMBERS as Record<string, CallNumbers | undefined>)[processor];
}

/** Calls of another processor's kind fail; the number of the call is loaded. */
function begin({ audit }: CallNumbers): Instruction[] {
  return [
    [LOAD, 0, 0, PROCESSOR],
    [IF_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, FAIL_WITH | ENOSYS],
    [LOAD, 0, 0, CALL],
    [IF_AT_LEAST, 0, 1, X32],
    [RETURN, 0, 0, FAIL_WITH | ENOSYS],
  ];
}

function sendNoSignals({ signals }: CallNumbers): Instruction[] {
  return answer([...signals, PIDFD_SEND_SIGNAL], FAIL_WITH | EPERM);
}

function answer(calls: number[], value: number): Instruction[] {
  return calls.flatMap((call): Instruction[] => [[IF_EQUAL, 0, 1, call], [RETURN, 0, 0, value]]);
}

/** `openat` has its path second. */
function allowPath(address: bigint): Instruction[] {
  return [
    [LOAD, 0, 0, PATH_LOW],
    [IF_EQUAL, 0, 3, Number(address & 0xffff_ffffn)],
    [LOAD, 0, 0, PATH_HIGH],
    [IF_EQUAL, 0, 1, Number(address >> 32n)],
    [RETURN, 0, 0, ALLOW],
  ];
}

/** Instructions as the kernel takes them: an array of `struct sock_filter`. */
export function assemble(instructions: Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, ifTrue, ifFalse, value], index) => {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, ifTrue);
    view.setUint8(8 * index + 3, ifFalse);
    view.setUint32(8 * index + 4, value, true);
  });
  return bytes;
}

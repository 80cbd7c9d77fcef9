// Runs in: any thread.

/** The calls of the C library that locks are made of. Those that are optional came with glibc 2.34. */
const SYMBOLS = {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  syscall: { parameters: ["i64", "u64", "u64", "u64", "u64"], result: "i64" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer", optional: true },
  dladdr: { parameters: ["pointer", "buffer"], result: "i32", optional: true },
} as const;

/** The C library; to be closed by who opened it. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

/** @throws {Error} where there is no glibc */
export function openLibc(): Libc {
  return Deno.dlopen("libc.so.6", SYMBOLS);
}

/** The error number that the last call left behind, see errno(3). */
export function lastError({ symbols }: Libc): number {
  return new Deno.UnsafePointerView(symbols.__errno_location()!).getInt32();
}

/** Where a buffer lies; the caller keeps it alive while that is used. */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}

/** A path as C takes it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Where the library that resolves names begins in memory; undefined where it does not say, as before glibc 2.34. */
export function libcBase({ symbols }: Libc): bigint | undefined {
  const resolver = symbols.dlsym?.(null, cString("getaddrinfo")) ?? null;
  const info = new BigUint64Array(4); // Dl_info: name, base, nearest symbol, its address
  if (resolver === null || !symbols.dladdr?.(resolver, new Uint8Array(info.buffer))) return undefined;
  return info[1];
}

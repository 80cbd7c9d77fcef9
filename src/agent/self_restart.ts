// Runs in: main thread.

/**
 * Replaces this process by a fresh one of the same program, with the same PID, terminal and arguments. Unlike a new
 * process it also ends threads that the runtime cannot stop, and keeps whoever started this one (systemd, a shell)
 * attached.
 *
 * @param environment As it was when this process started: secrets have been removed from it since.
 * @throws when the system has no `execve` that can be called; the caller should then end the process.
 */
export function restartProcess(environment: Record<string, string>, program = Deno.execPath()): never {
  const libc = Deno.dlopen("libc.so.6", {
    execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  });
  const path = cString(program);
  const args = cStringList(commandLine());
  const variables = cStringList(Object.entries(environment).map(([name, value]) => `${name}=${value}`));
  libc.symbols.execve(path, args.pointers, variables.pointers); // returns only when it failed
  throw new Error(`the process could not be replaced by ${program}`);
}

/** The words that this process was started with, program name and runtime flags included. */
function commandLine(): string[] {
  return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`) as Uint8Array<ArrayBuffer>;
}

/** A `char *[]` that ends with NULL, and the strings that it points to (kept so that they are not collected). */
function cStringList(
  texts: string[],
): { pointers: BigUint64Array<ArrayBuffer>; strings: Uint8Array<ArrayBuffer>[] } {
  const strings = texts.map(cString);
  const addresses = strings.map((bytes) => BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))));
  return { pointers: new BigUint64Array([...addresses, 0n]), strings };
}

// Runs in: main thread.
import { lookup } from "node:dns";
import { type Libc, libcBase } from "../shared/libc.ts";

/** What the C library reads when it resolves a name. */
export const NAME_FILES: readonly string[] = [
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/nsswitch.conf",
  "/etc/gai.conf",
  "/etc/host.conf",
];

/** An ELF header's fields and a program header's, see elf(5); for 64 bits. */
const HEADERS_OFFSET = 32;
const HEADER_SIZE = 54;
const HEADER_COUNT = 56;
const LOADED = 1;
const WRITABLE = 2;

/**
 * Where the C library keeps the paths of {@link NAME_FILES}: it opens them by these very constants, which lie in memory
 * that nobody can write. That is what a seccomp filter, which sees addresses but no texts, can tell from other paths.
 *
 * @returns offsets from the library's beginning; undefined when they are not all found
 */
export function findNamePaths(libc: Libc): number[] | undefined {
  const base = libcBase(libc);
  if (base === undefined) return undefined;
  const constants = readOnlyParts(base).map(({ offset, text }) =>
    NAME_FILES.map((path) => ({ offset, index: text.indexOf(`${path}\0`) }))
  );
  const found = NAME_FILES.map((_, which) =>
    constants.map((part) => part[which]!).find(({ index }) => index >= 0)
  );
  return found.every((place) => place !== undefined)
    ? found.map(({ offset, index }) => offset + index)
    : undefined;
}

/** The parts of a loaded library that nobody can write: its constants, which on arm64 lie among its code. */
function readOnlyParts(base: bigint): { offset: number; text: string }[] {
  const at = (offset: number) =>
    new Deno.UnsafePointerView(Deno.UnsafePointer.create(base + BigInt(offset))!);
  const header = at(0);
  const start = Number(header.getBigUint64(HEADERS_OFFSET));
  const count = header.getUint16(HEADER_COUNT);
  const parts = Array.from({ length: count }, (_, index) => {
    const program = at(start + index * header.getUint16(HEADER_SIZE));
    return {
      isConstant: program.getUint32(0) === LOADED && (program.getUint32(4) & WRITABLE) === 0,
      offset: Number(program.getBigUint64(16)),
      size: Number(program.getBigUint64(40)),
    };
  });
  return parts.filter(({ isConstant }) => isConstant).map(({ offset, size }) => ({
    offset,
    text: new TextDecoder("latin1").decode(at(offset).getArrayBuffer(size)),
  }));
}

/**
 * Loads what the machine resolves names with besides files and DNS, such as `libnss_mdns4_minimal.so.2` for `.local`: a
 * locked thread could not, and the C library would not try again for anybody.
 *
 * @param configuration the text of `/etc/nsswitch.conf`
 */
export function loadNameServices(configuration: string): void {
  const [, hosts = ""] = /^hosts:(.*)$/m.exec(configuration) ?? [];
  for (const service of hosts.replace(/\[.*?\]/g, " ").match(/\w+/g) ?? []) {
    try {
      Deno.dlopen(`libnss_${service}.so.2`, {}); // stays loaded as long as the process
    } catch {
      // built into the C library, or not installed
    }
  }
}

/** How often main looks whether what names are resolved with has changed, in milliseconds. */
const LOOK_MS = 30_000;

/**
 * Keeps names resolvable for a thread with Landlock: a file of {@link NAME_FILES} that was replaced is another one for its
 * rules. Main's own look-ups make the C library read such files for all threads.
 *
 * @returns what ends it
 */
export function followNameFiles(lookMs = LOOK_MS): () => void {
  const timer = setInterval(() => lookup("localhost", () => {}), lookMs);
  Deno.unrefTimer(timer);
  return () => clearInterval(timer);
}

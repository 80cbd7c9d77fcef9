// Runs in: tests.
import { Buffer } from "node:buffer";

/** One system call, as strace has written it down. */
export interface TracedCall {
  name: string;
  /** Its arguments, with strings in hexadecimal notation still. */
  args: string;
  /** What it returned. */
  result: number;
  /** How many calls had returned when this one began; others may return before it does. */
  begunAfter: number;
}

/** Reads a log of `strace -f -xx` in the order in which the calls returned. */
export function parseTrace(trace: string): TracedCall[] {
  const calls: TracedCall[] = [];
  const begun = new Map<string, { head: string; begunAfter: number }>();
  for (const line of trace.split("\n")) {
    const [, thread, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || rest === undefined) continue;
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, { head: rest.slice(0, -"<unfinished ...>".length), begunAfter: calls.length });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const before = resumed === undefined ? undefined : begun.get(thread);
    const whole = before === undefined ? rest : before.head + resumed;
    const parsed = parseCall(whole, before?.begunAfter ?? calls.length);
    if (parsed !== undefined) calls.push(parsed);
  }
  return calls;
}

/** The strings among the arguments. */
export function stringsIn(args: string): Uint8Array[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => decodeHex(hex!));
}

/** Paths among the arguments, and those behind file descriptors. */
export function pathsIn(args: string): string[] {
  const decoder = new TextDecoder();
  return stringsIn(args).map((bytes) => decoder.decode(bytes));
}

/** The descriptor that a call works on, and the path that it has now. */
export function descriptorIn(text: string): { fd: number; path: string } | undefined {
  return /^\s*\d+</.test(text) ? descriptorsIn(text)[0] : undefined;
}

/** All descriptors among the arguments. */
export function descriptorsIn(text: string): { fd: number; path: string }[] {
  return [...text.matchAll(/(\d+)<((?:\\x[0-9a-f]{2})*)>/g)].map(([, fd, hex]) => {
    return { fd: Number(fd), path: new TextDecoder().decode(decodeHex(hex!)) };
  });
}

function parseCall(text: string, begunAfter: number): TracedCall | undefined {
  const [, name, args, result] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(text) ?? [];
  return name === undefined ? undefined : { name, args: args!, result: Number(result), begunAfter };
}

function decodeHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll("\\x", ""), "hex"));
}

// Runs in: main thread.
import { globToRegExp, normalize } from "@std/path";
import { sentenceOf } from "../shared/errors.ts";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";
import { withLimit } from "../shared/time.ts";

type Request = Extract<ProcedureToMain, { type: "device_request" }>;
type Answer = Extract<MainToProcedure, { type: "device_answer" }>;

const MAX_BYTES = 65_536;
const LIMIT_MS = 5000;

/**
 * Does what a procedure may not do itself: open files below `/proc`, `/sys` and `/dev`, which Deno grants only to a
 * thread that may do everything.
 *
 * @param patterns The globs of the procedure's registry line; nothing else is opened.
 */
export async function openDevice(
  request: Request,
  procedure: string,
  patterns: string[],
  limitMs = LIMIT_MS,
): Promise<Answer> {
  const answer = { type: "device_answer", requestId: request.requestId } as const;
  try {
    checkPath(request.path, procedure, patterns);
    await checkTarget(request.path);
    const done = await withLimit(perform(request), limitMs, undefined);
    if (done === undefined) throw new Error(`it took longer than ${limitMs / 1000} s`);
    return { ...answer, ...done };
  } catch (error) {
    return { ...answer, error: `cannot ${request.operation} ${request.path}: ${sentenceOf(error)}` };
  }
}

const DEVICE_FOLDERS = /^\/(proc|sys|dev)\//;

function checkPath(path: string, procedure: string, patterns: string[]): void {
  if (normalize(path) !== path || !DEVICE_FOLDERS.test(path)) {
    throw new Error("devices are plain paths below /proc, /sys or /dev");
  }
  if (!patterns.some((pattern) => globToRegExp(pattern).test(path))) {
    throw new Error(
      `it is not granted; add it to "devices" in the line "${procedure}" of procedures/registry.ts`,
    );
  }
}

/** Links such as `/proc/self/root` lead out of the device folders. */
async function checkTarget(path: string): Promise<void> {
  const target = await Deno.realPath(path).catch(() => path); // what is not there cannot be opened either
  if (!DEVICE_FOLDERS.test(`${target}/`)) throw new Error(`it leads to ${target}`);
}

async function perform({ operation, path, text }: Request): Promise<{ text?: string; names?: string[] }> {
  switch (operation) {
    case "read":
      return { text: await readStart(path) };
    case "list":
      return { names: await listNames(path) };
    case "write":
      await Deno.writeTextFile(path, text ?? "", { create: false });
      return {};
    default:
      return operation satisfies never;
  }
}

async function readStart(path: string): Promise<string> {
  const buffer = new Uint8Array(MAX_BYTES);
  using file = await Deno.open(path);
  let size = 0;
  for (let count; size < MAX_BYTES && (count = await file.read(buffer.subarray(size))) !== null;) {
    size += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, size));
}

async function listNames(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

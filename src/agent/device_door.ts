// Runs in: main thread.
import { globToRegExp, normalize } from "@std/path";
import { sentenceOf } from "../shared/errors.ts";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";
import type { DeviceGrants } from "../shared/registry.ts";
import { withLimit } from "../shared/time.ts";
import { isTerminal } from "./terminals.ts";

type Request = Extract<ProcedureToMain, { type: "device_request" }>;
type Answer = Extract<MainToProcedure, { type: "device_answer" }>;
type Found = Pick<Answer, "text" | "names">;

const MAX_BYTES = 65_536;
const LIMIT_MS = 5000;
/** So many devices one procedure may have open at a time: each holds one of the runtime's threads. */
const MAX_OPEN = 4;
/** So many requests may wait for that. */
const MAX_WAITING = 100;

/** Before 2.9 Deno opens in the thread that asks for it, and a named pipe is open when its other end is. */
export const OPENS_ASIDE = Number(/^2\.(\d+)\./.exec(Deno.version.deno)?.[1] ?? Infinity) >= 9;

export interface DeviceDoorOptions {
  procedure: string;
  /** Of the procedure's registry line; nothing else is opened. */
  grants: DeviceGrants | undefined;
  /** How long a request may take, in milliseconds. Default 5 s. */
  limitMs?: number;
}

/**
 * Does what a procedure may not do itself: open files below `/proc`, `/sys` and `/dev`, which Deno grants only to a
 * thread that may do everything.
 *
 * A device that does not answer blocks a thread of the runtime, which nothing can release. So there is one such thread
 * per path, and {@link MAX_OPEN} per procedure, and no more.
 */
export class DeviceDoor {
  #options: DeviceDoorOptions;
  #limitMs: number;
  #openCount = 0;
  #waiting: (() => void)[] = [];
  /** What took too long and still has not ended. */
  #stuck = new Set<string>();

  constructor(options: DeviceDoorOptions) {
    this.#options = options;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /** Does what is asked; a refusal and a failure are an answer, too. */
  async answer(request: Request): Promise<Answer> {
    const answer = { type: "device_answer", requestId: request.requestId } as const;
    try {
      checkPath(request, this.#options);
      return { ...answer, ...await this.#perform(request) };
    } catch (error) {
      return { ...answer, error: `cannot ${request.operation} ${request.path}: ${sentenceOf(error)}` };
    }
  }

  async #perform(request: Request): Promise<Found> {
    if (this.#stuck.has(request.path)) {
      throw new Error("an earlier request for it has not ended; the device does not answer");
    }
    const startMs = performance.now();
    await this.#takePlace();
    const late = new AbortController();
    const work = perform(request, late.signal).finally(() => {
      this.#stuck.delete(request.path);
      this.#leavePlace();
    });
    const found = await withLimit(work, this.#limitMs - (performance.now() - startMs), undefined);
    if (found !== undefined) return found;
    this.#stuck.add(request.path);
    late.abort();
    throw new Error(`it took longer than ${this.#limitMs / 1000} s`);
  }

  async #takePlace(): Promise<void> {
    if (this.#openCount < MAX_OPEN) return void this.#openCount++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const isCrowded = this.#waiting.length >= MAX_WAITING;
    if (!isCrowded) this.#waiting.push(resolve);
    const isMine = !isCrowded && await withLimit(promise.then(() => true), this.#limitMs, false);
    const index = this.#waiting.indexOf(resolve);
    if (isMine || (!isCrowded && index === -1)) return; // the place came at the last moment
    if (index !== -1) this.#waiting.splice(index, 1);
    throw new Error(`${MAX_OPEN} earlier requests of this procedure have not ended; wait for their answers`);
  }

  /** Whoever waits longest gets it. */
  #leavePlace(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#openCount--;
    else next();
  }
}

const DEVICE_FOLDERS = /^\/(proc|sys|dev)\//;

function checkPath({ path, operation }: Request, { procedure, grants = {} }: DeviceDoorOptions): void {
  if (normalize(path) !== path || !DEVICE_FOLDERS.test(path)) {
    throw new Error("devices are plain paths below /proc, /sys or /dev");
  }
  const list = operation === "write" ? "write" : "read";
  if (!(grants[list] ?? []).some((pattern) => globToRegExp(pattern).test(path))) {
    throw new Error(
      `it is not granted; add it to "${list}" of "devices" in the line "${procedure}" of procedures/registry.ts`,
    );
  }
}

async function perform({ operation, path, text }: Request, signal: AbortSignal): Promise<Found> {
  switch (operation) {
    case "read":
      return { text: await readStart(await safeTarget(path), signal) };
    case "list":
      return { names: await listNames(path) };
    case "write":
      await Deno.writeTextFile(await safeTarget(path), text ?? "", { create: false });
      return {};
    default:
      return operation satisfies never;
  }
}

/**
 * Where all links lead, which is what is opened: one below `/dev/serial/by-id` may lead elsewhere a moment later.
 *
 * @throws when that is outside of the device folders (as `/proc/self/root` is) or a terminal.
 */
async function safeTarget(path: string): Promise<string> {
  const target = await Deno.realPath(path);
  if (!DEVICE_FOLDERS.test(`${target}/`)) throw new Error(`it leads to ${target}`);
  const info = await Deno.stat(target);
  if (info.isFifo && !OPENS_ASIDE) {
    throw new Error("it is a named pipe, and opening one holds the whole agent up on this version of Deno");
  }
  if (!isTerminal(info)) return target;
  throw new Error(
    "it is a serial line or another terminal, through which the agent could be ended; " +
      "put ser2net before it, as procedures/README.md shows",
  );
}

/** @param signal Nobody waits for the text any more: the file is closed as soon as the device lets go. */
async function readStart(path: string, signal: AbortSignal): Promise<string> {
  const buffer = new Uint8Array(MAX_BYTES);
  using file = await Deno.open(path);
  let size = 0;
  for (let count; size < MAX_BYTES && (count = await file.read(buffer.subarray(size))) !== null;) {
    size += count;
    if (signal.aborted) break;
  }
  const isCut = size === MAX_BYTES; // perhaps in the middle of a character, which is left out
  return new TextDecoder().decode(buffer.subarray(0, size), { stream: isCut });
}

async function listNames(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(await safeTarget(path)));
    return entries.map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

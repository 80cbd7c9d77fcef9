// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { linesOf } from "../../src/runtime/lines.ts";

const FOREVER = { signal: new AbortController().signal, silenceMs: 20_000 };

/** A stream of pieces, which stays open when it is to. */
function streamOf(pieces: (string | number[])[], { isOpen = false } = {}) {
  const encoder = new TextEncoder();
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const piece of pieces) {
        controller.enqueue(typeof piece === "string" ? encoder.encode(piece) : new Uint8Array(piece));
      }
      if (!isOpen) controller.close();
    },
    cancel: () => void (isCancelled = true),
  });
  return { stream, isCancelled: () => isCancelled };
}

const CASES: { name: string; pieces: (string | number[])[]; lines: string[] }[] = [
  { name: "several in one piece", pieces: ["a\nb\r\nc\n"], lines: ["a", "b", "c"] },
  { name: "one in several pieces", pieces: ["CO2", "=412", ".5\n"], lines: ["CO2=412.5"] },
  { name: "an end in two pieces", pieces: ["a\r", "\nb\n"], lines: ["a", "b"] },
  { name: "a letter in two pieces", pieces: [[0x31, 0xc2], [0xb0, 0x0a]], lines: ["1°"] },
  { name: "empty ones", pieces: ["\n\na\n"], lines: ["", "", "a"] },
  { name: "no end: it may be half a line", pieces: ["a\nb"], lines: ["a"] },
  { name: "nothing", pieces: [], lines: [] },
];

for (const { name, pieces, lines } of CASES) {
  Deno.test(`lines of a stream: ${name}`, async () => {
    assertEquals(await Array.fromAsync(linesOf(streamOf(pieces).stream, FOREVER)), lines);
  });
}

Deno.test("lines of a stream: the signal ends it, and lets go of the stream", async () => {
  const stop = new AbortController();
  const { stream, isCancelled } = streamOf(["a\n"], { isOpen: true });
  const found: string[] = [];
  for await (const line of linesOf(stream, { ...FOREVER, signal: stop.signal })) {
    found.push(line);
    queueMicrotask(() => stop.abort());
  }
  assertEquals([found, isCancelled()], [["a"], true]);
});

Deno.test("lines of a stream: who leaves the loop lets go of the stream", async () => {
  const { stream, isCancelled } = streamOf(["a\nb\n"], { isOpen: true });
  for await (const _line of linesOf(stream, FOREVER)) break;
  assertEquals(isCancelled(), true);
});

Deno.test("lines of a stream: silence and a line without end are errors", async () => {
  const silent = linesOf(streamOf(["a"], { isOpen: true }).stream, { ...FOREVER, silenceMs: 20 });
  await assertRejects(() => Array.fromAsync(silent), Error, "nothing has come for 0.0 s");
  const endless = linesOf(streamOf(["x".repeat(65_537)], { isOpen: true }).stream, FOREVER);
  await assertRejects(() => Array.fromAsync(endless), Error, "longer than 65536 characters");
});

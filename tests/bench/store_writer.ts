// Runs in: benchmarks (worker).
import type { Data } from "../../src/shared/message.ts";
import { MAX_UNRESOLVED, MessageSender } from "../../src/shared/message_sender.ts";

const scope = globalThis as unknown as Worker;

/** Stores messages as fast as the sender lets it, and reports its slowest call. */
scope.onmessage = async ({ data: first }: MessageEvent<{ port: MessagePort; count: number; data: Data }>) => {
  const sender = new MessageSender({ now: () => Date.now(), onFailure: () => {} });
  sender.attach(first.port);
  const go = new Promise((resolve) => scope.onmessage = resolve);
  scope.postMessage("ready");
  await go;
  let worstMs = 0;
  let lastCall: Promise<void> = Promise.resolve();
  for (let sent = 0; sent < first.count; sent++) {
    if (sender.unresolved >= MAX_UNRESOLVED / 2) await lastCall;
    const startMs = performance.now();
    lastCall = sender.data(first.data).then(() => {
      worstMs = Math.max(worstMs, performance.now() - startMs);
    });
  }
  await sender.settled();
  scope.postMessage({ worstMs });
};

// Runs in: benchmarks, worker.
import type { StoreToBackend } from "../../src/shared/protocol.ts";

/** Leases everything and acknowledges it at once: what the store itself can give. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ port: MessagePort; count: number }>) => void;
  postMessage(ms: number): void;
};
scope.onmessage = ({ data: { port, count } }) => {
  const startMs = performance.now();
  let settled = 0;
  const lease = () => port.postMessage({ type: "lease", maxMessages: 4000, maxBytes: 4_194_304 });
  port.onmessage = ({ data }: MessageEvent<StoreToBackend>) => {
    if (data.type === "leased" && data.messages.length > 0) {
      port.postMessage({ type: "acknowledge", ids: data.messages.map(({ id }) => id) });
      lease();
    }
    if (data.type !== "settled") return;
    settled += data.ids.length;
    if (settled === count) scope.postMessage(performance.now() - startMs);
  };
  lease();
};

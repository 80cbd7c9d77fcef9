// Runs in: benchmarks (a worker that does nothing).
(globalThis as unknown as Worker).postMessage("up");

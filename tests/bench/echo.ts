// Runs in: benchmarks (worker).

const scope = globalThis as unknown as Worker;
scope.onmessage = ({ data }: MessageEvent) => scope.postMessage(data);

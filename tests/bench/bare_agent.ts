// Runs in: benchmarks (main thread of a program that does nothing).

/** As many empty workers as a small agent has threads: what Deno itself costs. */
const WORKERS = Number(Deno.args[0] ?? 3);

await Promise.all(Array.from({ length: WORKERS }, () =>
  new Promise((resolve) => {
    const worker = new Worker(import.meta.resolve("./bare_worker.ts"), { type: "module" });
    worker.onmessage = resolve;
  })));
Deno.stderr.writeSync(new TextEncoder().encode("ready\n"));

// Runs in: tests, main thread.
import { lockMeans } from "../../src/agent/lock_means.ts";
import { chooseLock, lockedModule } from "../../src/agent/worker_lock.ts";

/** Prints what a locked worker's fetch says of a server where nobody listens. */
const permissions = { net: ["localhost:8999"] };
const { order } = chooseLock(permissions, lockMeans());
const code =
  `fetch("https://localhost:8999/").catch((error) => postMessage(error.message + " " + error.cause));`;
const worker = new Worker(
  lockedModule(`data:text/javascript,${encodeURIComponent(code)}`, order!),
  { type: "module", deno: { permissions: { ...permissions, ffi: true } } } as WorkerOptions,
);
worker.onmessage = ({ data }) => {
  if (typeof data !== "string") return; // that it is locked
  Deno.stdout.writeSync(new TextEncoder().encode(data));
  worker.terminate();
};

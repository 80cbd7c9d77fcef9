// Runs in: store worker.
import "../../../src/store/worker.ts";
import type { MainToStore } from "../../../src/shared/protocol.ts";
import { tryDoors } from "../doors.ts";

/** The store, which also tries what it may not do and logs what came of it. */
addEventListener("message", async (event) => {
  const message = (event as MessageEvent).data as MainToStore;
  if (message.type !== "open") return;
  const subject = `doors ${JSON.stringify(await tryDoors(message.opening.directory))}`;
  const entry = { level: "INFO", origin: "store", subject, details: "", timeMs: Date.now() };
  (globalThis as unknown as { postMessage(message: unknown): void }).postMessage({ type: "log", entry });
});

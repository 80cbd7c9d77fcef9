// Runs in: main thread.
import { statfsSync } from "node:fs";
import type { MainToProcedure, ProcedureToMain } from "../shared/protocol.ts";

/** Tells a procedure how much space there is where the measurements are; a worker would need the right to read there. */
export function answerDiskRequest(
  { requestId }: Extract<ProcedureToMain, { type: "disk_request" }>,
  dataFolder: string,
): Extract<MainToProcedure, { type: "disk_answer" }> {
  try {
    const { bavail, blocks, bsize } = statfsSync(dataFolder);
    const space = { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
    return { type: "disk_answer", requestId, space };
  } catch {
    return { type: "disk_answer", requestId, space: null };
  }
}

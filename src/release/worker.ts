// Runs in: release worker.
import { sentenceOf } from "../shared/errors.ts";
import type { MainToRelease, ReleaseOrder, ReleaseToMain } from "../shared/protocol.ts";
import { cutText } from "../shared/text.ts";
import { linkToMain } from "../shared/worker_link.ts";
import { ReleaseError } from "./errors.ts";
import { fetchRelease } from "./fetch_release.ts";
import { findRelease, type Found } from "./find_release.ts";

const link = linkToMain<ReleaseToMain>("release");
/** Least time between two words on how far it has come, in milliseconds. */
const PROGRESS_MS = 250;
/** How much is told of why there is no release, which may quote a server; in UTF-16 code units. */
const MAX_REASON_LENGTH = 2000;

let order: ReleaseOrder;
let found: Found;
let wireBytes = 0;

function count(bytes: number): void {
  wireBytes += bytes;
}

async function find(port: MessagePort | undefined): Promise<void> {
  found = await findRelease(order, count, port);
  const { sums, signatures } = found;
  link.send({ type: "found", sums, signatures });
}

async function fetchAll(): Promise<void> {
  const timer = setInterval(() => link.send({ type: "progress", wireBytes }), PROGRESS_MS);
  try {
    const how = await fetchRelease(order, found, count, () => link.send({ type: "downloaded" }));
    link.send({ type: "fetched", wireBytes, how });
  } finally {
    clearInterval(timer);
  }
}

/** What is wrong with a release is an answer, not a failure of this worker. */
async function answering(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const mayMend = error instanceof ReleaseError ? error.mayMend : isDiskFull(error);
    link.send({ type: "unavailable", reason: cutText(sentenceOf(error), MAX_REASON_LENGTH), mayMend });
  }
}

function isDiskFull(error: unknown): boolean {
  return /No space|os error 28|Quota/.test(String(error));
}

link.onMessage((message: MainToRelease) => {
  switch (message.type) {
    case "find":
      link.startBeating(message.beatIntervalMs);
      order = message.order;
      return void answering(() => find(message.packagePort));
    case "fetch":
      return void answering(fetchAll);
    default:
      message satisfies never;
  }
});

// Runs in: release worker.
import type { BackendToFetcher, FetcherToBackend } from "../shared/protocol.ts";
import { sentenceOf } from "../shared/errors.ts";
import { bytes, decoderOf, integer, text } from "../shared/shape.ts";
import { withLimit } from "../shared/time.ts";
import { ReleaseError } from "./errors.ts";
import type { Pace } from "./incoming.ts";

/** No server sends more of a package at once. */
const MAX_PART_BYTES = 16_777_216;

const decodeFromBackend = decoderOf<BackendToFetcher>({
  part: { offset: integer(0), bytes: bytes(MAX_PART_BYTES) },
  refused: { reason: text(65_536) },
});

/** The door to the backend that brings a package. One part is under way at a time, so nothing piles up anywhere. */
export class PackagePort {
  #port: MessagePort;
  #pace: Pace;
  #answer = Promise.withResolvers<BackendToFetcher>();
  #wanted = -1;

  constructor(port: MessagePort, pace: Pace) {
    this.#port = port;
    this.#pace = pace;
    port.onmessage = ({ data }: MessageEvent) => this.#receive(data);
  }

  /**
   * What follows a byte; how much that is, the server decides. Empty = there is no more.
   *
   * @throws {ReleaseError} when nothing comes, however often it is asked for.
   */
  async part(offset: number): Promise<Uint8Array<ArrayBuffer>> {
    const { attempts, stallMs } = this.#pace;
    for (let attempt = 0; attempt < Math.max(1, attempts); attempt++) {
      this.#answer = Promise.withResolvers();
      this.#wanted = offset;
      this.#port.postMessage({ type: "want", offset } satisfies FetcherToBackend);
      const answer = await withLimit(this.#answer.promise, stallMs, undefined);
      if (answer?.type === "part") return answer.bytes;
      if (answer?.type === "refused") {
        throw new ReleaseError(`the server refuses the package: ${answer.reason}`, { mayMend: true });
      }
    }
    throw new ReleaseError("the server does not send the package", { mayMend: true });
  }

  /** An answer that came late was asked for before; it is not waited for any more. */
  #receive(data: unknown): void {
    let message: BackendToFetcher;
    try {
      message = decodeFromBackend(data);
    } catch (error) {
      return this.#answer.resolve({ type: "refused", reason: sentenceOf(error) });
    }
    if (message.type === "part" && message.offset !== this.#wanted) return;
    this.#answer.resolve(message);
  }
}

// Runs in: backend worker.
import { type BackendContext, SideWork } from "../runtime/backend.ts";
import { cutText } from "../shared/text.ts";
import type { BackendToFetcher, FetcherToBackend, PackageReport } from "../shared/protocol.ts";
import { decoderOf, integer } from "../shared/shape.ts";
import type { MqttSession } from "./mqtt_session.ts";
import { ShownOffer } from "./thingsboard_offer.ts";

/** Topics on which packages come. */
export const FIRMWARE_SUBSCRIPTIONS = ["v2/fw/response/+/chunk/+", "v2/fw/error"];
const CHUNK = /^v2\/fw\/response\/(\d+)\/chunk\/(\d+)$/;
const LARGEST_CHUNK_BYTES = 65_536;
const MAX_REASON_LENGTH = 200;
/** How long one word to the server may take, in milliseconds: its rate limits may hold it up. */
const LIMIT_MS = 600_000;

export interface FirmwareOptions {
  context: Pick<BackendContext<unknown>, "inbox" | "facts" | "logger">;
  /** Largest payload that the server allows, in bytes. */
  maxPayloadBytes: () => number;
  /** Publishes as soon as the server's limits allow it. */
  ask: (session: MqttSession, topic: string, payload: string, signal: AbortSignal) => Promise<void>;
  /** The same with telemetry. */
  tell: (session: MqttSession, values: Record<string, string>, signal: AbortSignal) => Promise<void>;
  nextRequestId: () => number;
}

const decodeFromFetcher = decoderOf<FetcherToBackend>({ want: { offset: integer(0) } });

/** ThingsBoard's firmware updates: what is offered, the package piece by piece, and how far this node is with it. */
export class Firmware {
  #options: FirmwareOptions;
  #shown = new ShownOffer();
  #session: { session: MqttSession; isOver: AbortSignal } | undefined;
  /** Who fetches the package, and what it waits for. */
  #fetcher: { port: MessagePort; wanted: number | undefined } | undefined;
  /** One for each attempt: the server remembers which package it stands for. */
  #requestId = 0;
  #asked: { chunk: number; chunkBytes: number } | undefined;
  /** Not told yet, in their order. */
  #reports: PackageReport[] = [];
  #told: Promise<void> = Promise.resolve();
  #telling: SideWork;
  #asking: SideWork;

  constructor(options: FirmwareOptions) {
    this.#options = options;
    const { logger } = options.context;
    this.#telling = new SideWork({ what: "telling the state of the package", logger, limitMs: LIMIT_MS });
    this.#asking = new SideWork({ what: "asking v2/fw/request for the package", logger, limitMs: LIMIT_MS });
  }

  /** A connection is there; what the last one did not answer is asked again. */
  entered(session: MqttSession, isOver: AbortSignal): void {
    this.#session = { session, isOver };
    this.#requestId = this.#options.nextRequestId();
    const { packageTitle, softwareVersion } = this.#options.context.facts;
    const current = { current_fw_title: packageTitle, current_fw_version: softwareVersion };
    this.#inOrder((signal) => this.#options.tell(session, current, signal), isOver);
    this.#tellAll();
    this.#ask();
  }

  /** Takes a message that concerns packages. @returns whether it concerns nobody else. */
  heard(topic: string, payload: Uint8Array): boolean {
    if (topic === "v2/fw/error") {
      this.#refused(cutText(new TextDecoder().decode(payload), MAX_REASON_LENGTH));
      return true;
    }
    const [, requestId, chunk] = CHUNK.exec(topic) ?? [];
    if (requestId !== undefined) {
      this.#came(Number(requestId), Number(chunk), payload);
      return true;
    }
    if (this.#shown.take(topic, payload)) {
      const { offer } = this.#shown;
      if (offer !== undefined) this.#options.context.inbox.offered(offer);
    }
    return false;
  }

  /** Brings the package to whoever is at the other end of the port; the last one counts. */
  bring(port: MessagePort): void {
    this.#fetcher?.port.close();
    const fetcher = { port, wanted: undefined as number | undefined };
    this.#fetcher = fetcher;
    this.#requestId = this.#options.nextRequestId();
    port.onmessage = ({ data }: MessageEvent) => {
      fetcher.wanted = decodeFromFetcher(data).offset; // what is not valid fails this worker, which is started again
      if (fetcher === this.#fetcher) this.#ask();
    };
  }

  /** Tells the server how far this node is, now or after the next connect. */
  tell(report: PackageReport): void {
    this.#reports.push(report);
    this.#tellAll();
  }

  #ask(): void {
    const wanted = this.#fetcher?.wanted;
    if (this.#session === undefined || wanted === undefined) return;
    const { session, isOver } = this.#session;
    const chunkBytes = chunkBytesFor(this.#options.maxPayloadBytes());
    this.#asked = { chunk: Math.floor(wanted / chunkBytes), chunkBytes };
    const topic = `v2/fw/request/${this.#requestId}/chunk/${this.#asked.chunk}`;
    const ask = (signal: AbortSignal) => this.#options.ask(session, topic, String(chunkBytes), signal);
    void this.#asking.once(ask, isOver); // who fetches asks again when nothing comes
  }

  #came(requestId: number, chunk: number, payload: Uint8Array): void {
    const wanted = this.#fetcher?.wanted;
    const asked = this.#asked;
    if (wanted === undefined || requestId !== this.#requestId || chunk !== asked?.chunk) return;
    const bytes = new Uint8Array(payload.subarray(wanted - chunk * asked.chunkBytes));
    this.#answer({ type: "part", offset: wanted, bytes }, [bytes.buffer]);
  }

  #refused(reason: string): void {
    if (this.#fetcher?.wanted !== undefined) this.#answer({ type: "refused", reason });
  }

  #answer(message: BackendToFetcher, transfer: Transferable[] = []): void {
    this.#fetcher!.wanted = undefined;
    this.#fetcher!.port.postMessage(message, transfer);
  }

  #tellAll(): void {
    if (this.#session === undefined) return;
    const { session, isOver } = this.#session;
    this.#inOrder(async (signal) => {
      for (let report; (report = this.#reports[0]) !== undefined && !signal.aborted;) {
        await this.#options.tell(session, {
          current_fw_title: report.currentTitle,
          current_fw_version: report.currentVersion,
          fw_state: report.state,
          ...(report.error === undefined ? {} : { fw_error: report.error }),
        }, signal);
        if (signal.aborted) return; // another attempt has taken over
        this.#reports.shift();
        this.#options.context.inbox.reported(report.reportId);
      }
    }, isOver);
  }

  /** One after the other, since their order is what they say. */
  #inOrder(tell: (signal: AbortSignal) => Promise<void>, isOver: AbortSignal): void {
    this.#told = this.#told.then(() => this.#telling.run(tell, isOver));
  }
}

/** A power of two, so that parts of one size still begin where parts of another do. */
function chunkBytesFor(maxPayloadBytes: number): number {
  return Math.min(LARGEST_CHUNK_BYTES, 2 ** Math.floor(Math.log2(maxPayloadBytes)));
}

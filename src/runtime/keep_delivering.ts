// Runs in: backend worker.
import { sentenceOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { LeasedMessage, PackageReport } from "../shared/protocol.ts";
import { cutText } from "../shared/text.ts";
import { pause, withLimit } from "../shared/time.ts";
import { Delivery } from "./delivery.ts";
import { createFlow } from "./flow.ts";
import { createHoldLog } from "./hold_log.ts";
import type { Link, LinkEnd } from "./link.ts";
import { createOutageLog } from "./outage_log.ts";
import { createParkLog } from "./park_log.ts";
import type { Element, Unsendable } from "./parcels.ts";
import { createReconnect, RECONNECT_TIMING, type ReconnectTiming } from "./reconnect.ts";
import type { StoreDoor } from "./store_door.ts";
import { createSuspicion } from "./suspicion.ts";

/** How long the store may take to make the last acknowledgements durable, in milliseconds. */
const SETTLE_LIMIT_MS = 2000;
/** How long a connection may take to close in good order, in milliseconds. */
const CLOSE_LIMIT_MS = 2000;
/** How much is told of why a server cannot be reached, which may be its own words; in UTF-16 code units. */
const MAX_REASON_LENGTH = 2000;

/** What a backend does with its server. */
export interface Driver {
  /** One message in the server's words, or why it can never be sent there. Must not wait and must not throw. */
  encode(message: LeasedMessage): Element | Unsendable;
  /** Connects once. @throws when that fails; the next attempt comes by itself. */
  connect(signal: AbortSignal): Promise<Link>;
  /** The facts about the node (the same object as before) have changed. */
  factsChanged?(): void;
  /** Brings the package that the server offers, part by part as {@link FetcherToBackend} asks for them. */
  bringPackage?(port: MessagePort): void;
  /** Tells the server how far this node is with its package; {@link Inbox.reported} says when it knows. */
  tellReport?(report: PackageReport): void;
}

export interface KeepDeliveringOptions {
  driver: Driver;
  door: StoreDoor;
  logger: Logger;
  /** Aborts when the backend has to end. */
  stopping: AbortSignal;
  maxDrainMs: number;
  /** Told whenever a connection begins or ends, or what the server does not take changes. */
  onConnection: (state: { isConnected: boolean; detail: string; held: string | null }) => void;
  timing?: ReconnectTiming;
  /** In [0, 1). */
  random?: () => number;
}

/** Delivers over one connection after the other until it is told to stop; what is left then stays in the outbox. */
export async function keepDelivering(options: KeepDeliveringOptions): Promise<void> {
  const { driver, door, logger, stopping, maxDrainMs, onConnection } = options;
  const monotonic = () => performance.now();
  const { timing = RECONNECT_TIMING, random = Math.random } = options;
  const reconnect = createReconnect({ timing, monotonic, random });
  const outages = createOutageLog({ logger, monotonic });
  const logParked = createParkLog(logger);
  const park = (id: number, reason: string) => {
    door.park(id, reason);
    logParked(id, reason);
  };
  let connection = { isConnected: false, detail: "" };
  const tell = (state = connection) => {
    connection = state;
    onConnection({ ...state, held: holds.text });
  };
  const holds = createHoldLog({ logger, onChange: () => tell() });
  const lasting = { holds, flow: createFlow(), suspicion: createSuspicion(), encode: driver.encode, park };
  while (!stopping.aborted) {
    reconnect.attempt();
    const link = await tryToConnect(driver, stopping);
    if (stopping.aborted && "failure" in link) break;
    let end: LinkEnd;
    let heldMs = 0;
    if ("failure" in link) end = { reason: link.failure, byServer: false };
    else {
      outages.connected(link.description);
      tell({ isConnected: true, detail: link.description });
      const connectedMs = monotonic();
      const result = await new Delivery(link, { ...lasting, door, logger, monotonic, stopping, maxDrainMs })
        .run();
      if (result.kind === "stopped") return await finish(link, door);
      heldMs = monotonic() - connectedMs;
      end = result.end;
      if (heldMs >= timing.stableMs) outages.held();
      else if (end.byServer) outages.cutShort(link.hintWhenFlapping);
    }
    const delayMs = reconnect.delayMs(heldMs, end.byServer);
    outages.failed(end.reason, heldMs > 0, delayMs);
    tell({ isConnected: false, detail: end.reason });
    await pause(delayMs, stopping);
  }
  await withLimit(door.settled(), SETTLE_LIMIT_MS, undefined);
}

async function tryToConnect(driver: Driver, signal: AbortSignal): Promise<Link | { failure: string }> {
  try {
    return await driver.connect(signal);
  } catch (error) {
    return { failure: cutText(sentenceOf(error), MAX_REASON_LENGTH) };
  }
}

async function finish(link: Link, door: StoreDoor): Promise<void> {
  await withLimit(door.settled(), SETTLE_LIMIT_MS, undefined);
  const closing = link.close({ reason: "the agent stops", isGraceful: true }).catch(() => {}); // it ends anyway
  await withLimit(closing, CLOSE_LIMIT_MS, undefined);
}

// Runs in: backend worker.
import type { Parcel, ParcelLimits } from "./parcels.ts";

/** How a connection ended. */
export interface LinkEnd {
  /** For people: "the server closed the connection (session taken over)". */
  reason: string;
  /** The server ended it, not the network and not this side. */
  byServer: boolean;
}

/** A connection to a server over which parcels are sent. */
export interface Link {
  /** For people: "mqtt.example.org:8883 (MQTT 5, TLS)". */
  readonly description: string;
  /** What a person should look at when the server ends one connection after the other. */
  readonly hintWhenFlapping?: string;
  /** How many parcels may be unanswered. */
  readonly window: number;
  /** The first parcel of each channel travels alone, until the server has taken it. Default: no. */
  readonly probesFirst?: boolean;
  /** What the server takes, as far as it says so. */
  limits(channel: string): ParcelLimits;
  /**
   * Resolves when the server has the parcel for good.
   *
   * @throws {RefusedError} when the server has said no. Any other error means: the connection is of no use.
   */
  send(parcel: Parcel): Promise<void>;
  /**
   * How long the parcel must wait to keep within the server's rate limits, in milliseconds; 0 = it may go now, and
   * counts as sent. Default: always 0.
   */
  pace?(parcel: Parcel): number;
  /** Resolves when the connection is over, whoever ended it. */
  readonly ended: Promise<LinkEnd>;
  /** Ends the connection: in good order, or at once because it is of no use. */
  close(options: { reason: string; isGraceful: boolean }): Promise<void>;
}

/** `content`: it never will. `circumstances`: it may later (rights, quota). `unclear`: it does not say which. */
export type RefusalFault = "content" | "unclear" | "circumstances";

/** The server has read a parcel and does not accept it. */
export class RefusedError extends Error {
  /** As with every error. */
  override name = "RefusedError";
  /** Whether the parcel or the moment is to blame. */
  readonly fault: RefusalFault;
  /** The message is for people: what the server has answered. */
  constructor(message: string, fault: RefusalFault) {
    super(message);
    this.fault = fault;
  }
}

// Runs in: backend worker.
import * as z from "zod";
import type { Logger } from "../shared/logger.ts";
import type { BackendFacts, PackageOffer, UnusableOffer } from "../shared/protocol.ts";
import { bootBackend } from "./backend_boot.ts";
import type { Driver } from "./keep_delivering.ts";
import type { ReconnectTiming } from "./reconnect.ts";

export { secret } from "../shared/secrets.ts";
export type { Level, Variant } from "../shared/message.ts";
export type {
  BackendFacts,
  LeasedMessage,
  PackageOffer,
  PackageReport,
  PackageState,
  UnusableOffer,
} from "../shared/protocol.ts";
export type { Reference } from "../shared/secrets.ts";
export { pause } from "../shared/time.ts";
export type { Driver } from "./keep_delivering.ts";
export { type Link, type LinkEnd, type RefusalFault, RefusedError } from "./link.ts";
export { createRequestLink, type RequestLinkOptions } from "./request_link.ts";
export { type Attempt, SideWork, type SideWorkOptions } from "./side_work.ts";
export type { Element, Parcel, ParcelLimits, Unsendable } from "./parcels.ts";
export type { Logger, ReconnectTiming };

/** Settings that every backend has; spread them into its own. */
export const commonSettings = {
  max_drain_seconds: z.int().min(0).max(300).default(10)
    .describe(
      "how long what waits is still sent when the agent stops, in seconds; the rest stays in the outbox",
    ),
};

/** The values of {@link commonSettings}. */
export type CommonSettings = z.output<z.ZodObject<typeof commonSettings>>;

/** What a backend works with. */
export interface BackendContext<Settings> {
  /** The backend's entry in the configuration, validated, secrets in place, without `name` and `provider`. */
  config: Settings;
  /** The entry's name. */
  name: string;
  /** What it may know about the node; one object that follows changes. */
  facts: BackendFacts;
  /**
   * Addresses of the names of its servers, which it may reach besides the names themselves; a name that could not be
   * resolved is missing. When they change, the worker is started anew.
   */
  addresses: Readonly<Record<string, string[]>>;
  /** Writes lines under the backend's name. */
  logger: Logger;
  /** Takes what the server sends. */
  inbox: Inbox;
}

/** What a server's message turned out to be: a configuration, unjudged, or nothing that can be understood. */
export type Heard =
  | { kind: "configuration"; revision: number; config: unknown }
  | { kind: "garbage"; reason: string };

/** Where a backend brings what its server sends. */
export interface Inbox {
  /**
   * Main sorts out what is old or wrong. At most one configuration a second goes there, the newest, and none twice in a
   * row. Garbage is one line in the log, at most every second.
   */
  heard(heard: Heard | undefined): void;
  /** The same as garbage of one's own wording. */
  garbage(reason: string): void;
  /** Something that the server asks of this node. @throws when it is not allowed, unknown, too much, or fails. */
  call(method: string, params: unknown): Promise<unknown>;
  /** Asks main to keep something of this backend in a file that nobody else can read. */
  keep(value: unknown): void;
  /**
   * The server offers a version of this program, or none any more; main knows whether it is wanted. At most one every
   * five seconds goes there, the last.
   */
  offered(offer: PackageOffer | UnusableOffer | null): void;
  /** The server has been told. */
  reported(reportId: number): void;
}

/** What {@link defineBackend} takes: one kind of server. */
export interface Backend<Schema extends z.ZodType<CommonSettings> = z.ZodType<CommonSettings>> {
  /** As in `src/backends/registry.ts` and in the configuration. */
  provider: string;
  /** Describes the backend's settings; a `z.strictObject` with {@link commonSettings}. */
  config: Schema;
  /** Brings the backend to life; called once, when the agent runs. */
  open(context: BackendContext<z.output<Schema>>): Driver;
  /** How fast it connects again; tests make it faster. */
  timing?: ReconnectTiming;
}

/**
 * Defines a backend. In a worker this also connects it to the agent; imported elsewhere (in a test) it only returns the
 * definition, whose parts can be called.
 */
export function defineBackend<Schema extends z.ZodType<CommonSettings>>(
  backend: Backend<Schema>,
): Backend<Schema> {
  if ("WorkerGlobalScope" in globalThis) bootBackend(backend as unknown as Backend);
  return backend;
}

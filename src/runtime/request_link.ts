// Runs in: backend worker.
import type { Link, LinkEnd } from "./link.ts";
import type { Parcel, ParcelLimits } from "./parcels.ts";

/** What {@link createRequestLink} makes a link of. */
export interface RequestLinkOptions {
  /** For people: where requests go. */
  description: string;
  /** What the server takes at once. */
  limits: ParcelLimits;
  /** Resolves when the server has the parcel; see {@link Link.send}. */
  send: (parcel: Parcel) => Promise<void>;
}

/** A link to a server that answers one request after the other and knows no connection. */
export function createRequestLink({ description, limits, send }: RequestLinkOptions): Link {
  const ended = Promise.withResolvers<LinkEnd>();
  return {
    description,
    window: 1,
    limits: () => limits,
    send,
    ended: ended.promise,
    close: ({ reason }) => Promise.resolve(ended.resolve({ reason, byServer: false })),
  };
}

// Runs in: main thread.
import type { WorkerPermissions } from "../../shared/registry.ts";
import type { Aspect } from "./destination.ts";
import { isSame } from "./entries.ts";

/**
 * Whether a person on the node has written down that secrets may go where an entry points now. Only addresses are
 * trusted: where encryption is given up, or anything else changes, the person is asked.
 *
 * @param trusted `general.trusted_destinations`: `host`, `host:port`, or how a web address begins.
 */
export function isTrusted(aspects: Aspect[], trusted: unknown): boolean {
  if (!Array.isArray(trusted) || trusted.length === 0) return false;
  const permissions = aspects.find(({ name }) => name === "permissions");
  const net = permissions === undefined ? [] : netOf(permissions);
  if (net === undefined) return false;
  const known = (permissions?.before as WorkerPermissions | undefined)?.net;
  const areHosts = net.length > 0 && net.every((place) => trusted.some((own) => coversPlace(own, place)));
  const areAddresses = net.filter((place) => !Array.isArray(known) || !known.includes(place)).every((place) =>
    trusted.some((own) => coversPlace(own, place) || coversPlace(addressOf(own)?.place, place))
  );
  return aspects.every((aspect) => {
    if (aspect === permissions) return areAddresses;
    if (/(^|\.)tls$/.test(aspect.name)) return isNothing(aspect.before) && !isNothing(aspect.after);
    if (addressOf(aspect.after) !== undefined) return isTrustedAddress(aspect, trusted);
    return areHosts && /(^|[._])(host|port)$/.test(aspect.name);
  });
}

/** The addresses that may be reached now; undefined when any other permission has changed. */
function netOf({ before, after }: Aspect): string[] | undefined {
  const { net: _, ...othersBefore } = (before ?? {}) as WorkerPermissions;
  const { net, ...others } = (after ?? {}) as WorkerPermissions;
  return Array.isArray(net) && isSame(othersBefore, others) ? net : undefined;
}

function coversPlace(own: unknown, place: string): boolean {
  if (typeof own !== "string") return false;
  const [wanted, given] = [own.toLowerCase(), place.toLowerCase()];
  return wanted === given || wanted === given.replace(/:\d+$/, "");
}

/** Also that it does not give up TLS, where it had it. */
function isTrustedAddress({ before, after }: Aspect, trusted: unknown[]): boolean {
  const { url, place } = addressOf(after)!;
  return trusted.some((own) => {
    const prefix = addressOf(own)?.url;
    if (prefix !== undefined) return prefix.origin === url.origin && isBelow(url.pathname, prefix.pathname);
    return coversPlace(own, place) &&
      (url.protocol === "https:" || addressOf(before)?.url.protocol === "http:");
  });
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** A web address, and `host:port` of it. */
function addressOf(text: unknown): { url: URL; place: string } | undefined {
  if (typeof text !== "string" || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return { url, place: `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}` };
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

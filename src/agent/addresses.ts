// Runs in: main thread.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { withLimit } from "../shared/time.ts";
import type { WorkerPermissions } from "../shared/registry.ts";

/** More than a name has at any server that we know of: what is granted stays small. */
const MAX_ADDRESSES = 32;

/** The addresses of a name, in the order in which they should be tried. @throws when there are none. */
export type ResolveName = (name: string) => Promise<string[]>;

/** Addresses by name. */
export type Addresses = Record<string, string[]>;

/** As every other program on this machine: `/etc/hosts` counts. */
export const resolveName: ResolveName = async (name) => {
  const found = await lookup(name, { all: true, verbatim: true });
  return [...new Set(found.map(({ address }) => address))];
};

/** A place that a permission grants; undefined when it is no single host, such as `*.example.org`. */
export function parsePlace(place: string): { host: string; port: number | undefined } | undefined {
  const [, host, port] = /^\[?([^\]*/]+?)\]?(?::(\d+))?$/.exec(place) ?? [];
  if (host === undefined || (host.includes(":") && isIP(host) === 0)) return undefined;
  return { host, port: port === undefined ? undefined : Number(port) };
}

/** The names among the hosts that may be reached: the others are addresses already. */
export function namesIn({ net }: WorkerPermissions): string[] {
  if (!Array.isArray(net)) return [];
  const hosts = net.flatMap((place) => parsePlace(place)?.host ?? []);
  return [...new Set(hosts)].filter((host) => isIP(host) === 0);
}

/** Resolves what can be resolved within the limit; nobody waits longer, however long the system takes. */
export async function resolveNames(
  names: string[],
  resolve: ResolveName,
  limitMs: number,
): Promise<Addresses> {
  const found = await Promise.all(names.map(async (name) => {
    const addresses = await withLimit(resolve(name).catch(() => []), limitMs, []);
    return [name, addresses.slice(0, MAX_ADDRESSES)] as const;
  }));
  return Object.fromEntries(found.filter(([, addresses]) => addresses.length > 0));
}

/**
 * The same permissions, and the addresses of each name beside it: `name:port` alone opens the way to the first address,
 * and the permissions of a running worker cannot grow.
 */
export function withAddresses(permissions: WorkerPermissions, addresses: Addresses): WorkerPermissions {
  const { net } = permissions;
  if (!Array.isArray(net)) return permissions;
  const places = net.flatMap((place) => {
    const { host = "", port } = parsePlace(place) ?? {};
    const own = Object.hasOwn(addresses, host) ? addresses[host]! : [];
    return [place, ...own.map((address) => placeOf(address, port))];
  });
  return { ...permissions, net: [...new Set(places)] };
}

function placeOf(address: string, port: number | undefined): string {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return port === undefined ? host : `${host}:${port}`;
}

/** Whether `found` names an address that `granted` does not. */
export function hasNew(found: Addresses, granted: Addresses): boolean {
  return Object.entries(found).some(([name, addresses]) =>
    addresses.some((address) => !Object.hasOwn(granted, name) || !granted[name]!.includes(address))
  );
}

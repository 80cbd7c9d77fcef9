// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import { withLimit } from "../../shared/time.ts";
import { resolveName } from "../addresses.ts";

/** How far one gets on the way to a server; what comes after a failure is not tried. */
export interface Reach {
  host: string;
  port: number;
  dns: Step;
  tcp?: Step;
  /** Only where the server is to be spoken to in TLS. */
  tls?: Step;
}

/** How a step went, in words, and how long it took. */
export interface Step {
  isDone: boolean;
  /** Not at every address of the name. */
  isPartial?: boolean;
  detail: string;
  tookMs: number;
}

export interface Address {
  host: string;
  port: number;
  /** Where TLS is spoken. */
  tls: TlsNames | undefined;
}

/** PEM texts, and the name in the server's certificate where it is not the host's. */
export type TlsNames = Partial<Record<"ca" | "cert" | "key" | "serverName", string>>;

const LIMIT_MS = 8000;
/** For each of several addresses. */
const ADDRESS_LIMIT_MS = 6000;

/**
 * Tries name, connection and handshake, one after the other, each at every address of the name: one that is dead does not
 * keep a node out, but whoever goes by the first one. No byte of a server gets further than Deno itself.
 */
export async function tryToReach({ host, port, tls }: Address, resolve = resolveName): Promise<Reach> {
  let addresses: string[] = [];
  const dns = await timed(async () => {
    addresses = await resolve(host);
    return { detail: addresses.join(", ") };
  });
  if (!dns.isDone) return { host, port, dns };
  let open: string[] = [];
  const tcp = await timed(async () => {
    const tried = await tryEach(
      addresses,
      async (hostname) => (await Deno.connect({ hostname, port })).close(),
    );
    open = tried.good;
    const at = addresses.length === 1 ? "" : ` at ${open.join(", ")}`;
    return {
      detail: [`port ${port} is open${at}`, ...tried.bad].join("; "),
      isPartial: tried.bad.length > 0,
    };
  });
  if (!tcp.isDone || tls === undefined) return { host, port, dns, tcp };
  const shaken = await timed(async () => {
    const { bad } = await tryEach(open, (address) => handshake(host, address, port, tls));
    return { detail: ["its certificate is trusted", ...bad].join("; "), isPartial: bad.length > 0 };
  });
  return { host, port, dns, tcp, tls: shaken };
}

/** Tries all at once. @throws what the first one throws, when all do. */
async function tryEach(addresses: string[], attempt: (address: string) => Promise<void>) {
  const good: string[] = [];
  const errors: [address: string, error: unknown][] = [];
  const late = new Error(`no answer within ${ADDRESS_LIMIT_MS / 1000} s`);
  await Promise.all(addresses.map(async (address) => {
    const done = attempt(address).then(() => undefined, (error) => error);
    const error = await withLimit(done, ADDRESS_LIMIT_MS, late);
    if (error === undefined) good.push(address);
    else errors.push([address, error]);
  }));
  if (good.length === 0) throw errors[0]![1];
  const inOrder = (one: string, other: string) => addresses.indexOf(one) - addresses.indexOf(other);
  return {
    good: good.sort(inOrder),
    bad: errors.sort(([one], [other]) => inOrder(one, other))
      .map(([address, error]) => `not at ${address} (${sentenceOf(error)})`),
  };
}

async function handshake(host: string, address: string, port: number, names: TlsNames): Promise<void> {
  using socket = await openTls(host, address, port, names);
  await socket.handshake();
}

async function openTls(host: string, address: string, port: number, names: TlsNames) {
  const { ca, cert, key, serverName = host } = names;
  const trust = ca === undefined ? {} : { caCerts: [ca] };
  if (cert !== undefined && key !== undefined && serverName === host) { // only this shows a certificate of one's own
    return await Deno.connectTls({ hostname: host, port, ...trust, cert, key });
  }
  return await Deno.startTls(await Deno.connect({ hostname: address, port }), {
    hostname: serverName,
    ...trust,
  });
}

async function timed(work: () => Promise<{ detail: string; isPartial?: boolean }>): Promise<Step> {
  const startMs = performance.now();
  const late = { isDone: false, isPartial: false, detail: `no answer within ${LIMIT_MS / 1000} s` };
  const done = work().then(
    ({ detail, isPartial = false }) => ({ isDone: true, isPartial, detail }),
    (error) => ({ isDone: false, isPartial: false, detail: sentenceOf(error) }),
  );
  const step = await withLimit(done, LIMIT_MS, late);
  return { ...step, tookMs: Math.round(performance.now() - startMs) };
}

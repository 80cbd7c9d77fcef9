// Runs in: main thread.
import { lookup } from "node:dns/promises";
import { sentenceOf } from "../../shared/errors.ts";
import { withLimit } from "../../shared/time.ts";

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

/** Tries name, connection and handshake, one after the other. No byte of a server gets further than Deno itself. */
export async function tryToReach({ host, port, tls }: Address): Promise<Reach> {
  const dns = await timed(async () => {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => address))].join(", ");
  });
  if (!dns.isDone) return { host, port, dns };
  const tcp = await timed(async () => {
    (await Deno.connect({ hostname: host, port })).close();
    return `port ${port} is open`;
  });
  if (!tcp.isDone || tls === undefined) return { host, port, dns, tcp };
  return { host, port, dns, tcp, tls: await timed(() => handshake(host, port, tls)) };
}

async function handshake(hostname: string, port: number, names: TlsNames): Promise<string> {
  using socket = await openTls(hostname, port, names);
  await socket.handshake();
  return "its certificate is trusted";
}

async function openTls(hostname: string, port: number, { ca, cert, key, serverName }: TlsNames) {
  const trust = ca === undefined ? {} : { caCerts: [ca] };
  if (serverName !== undefined) {
    return await Deno.startTls(await Deno.connect({ hostname, port }), { hostname: serverName, ...trust });
  }
  const own = cert === undefined || key === undefined ? {} : { cert, key };
  return await Deno.connectTls({ hostname, port, ...trust, ...own });
}

async function timed(work: () => Promise<string>): Promise<Step> {
  const startMs = performance.now();
  const late = { isDone: false, detail: `no answer within ${LIMIT_MS / 1000} s` };
  const done = work().then(
    (detail) => ({ isDone: true, detail }),
    (error) => ({ isDone: false, detail: sentenceOf(error) }),
  );
  const step = await withLimit(done, LIMIT_MS, late);
  return { ...step, tookMs: Math.round(performance.now() - startMs) };
}

// Runs in: backend worker.
import net from "node:net";
import tls from "node:tls";
import { withLimit } from "../shared/time.ts";
import type { MqttConnection } from "./mqtt_settings.ts";

/** How long it may take to find out what is wrong with a certificate, in milliseconds. */
const DIAGNOSIS_LIMIT_MS = 10_000;

/**
 * Opens the connection that MQTT runs over; with TLS there is never a fallback to plain.
 *
 * @param address Where the host is, if it is to be gone there by its address; its certificate is for the name all the same.
 */
export function openSocket({ host, port, tls: settings }: MqttConnection, address = host): net.Socket {
  const socket = settings === null ? net.connect({ host: address, port }) : tls.connect({
    host: address,
    port,
    rejectUnauthorized: true,
    ...nameFor(host, settings.server_name),
    ...(settings.ca === null ? {} : { ca: settings.ca }),
    ...(settings.cert === undefined ? {} : { cert: settings.cert, key: settings.key }),
  });
  socket.setNoDelay(true); // a single message must not wait for the acknowledgement of the last packet
  return socket;
}

function nameFor(host: string, serverName: string | undefined): { servername?: string } {
  if (serverName !== undefined) return { servername: serverName };
  return net.isIP(host) === 0 ? { servername: host } : {};
}

const SENTENCES: [pattern: RegExp, sentence: (at: string, host: string) => string][] = [
  [
    /ENOTFOUND|EAI_AGAIN|failed to lookup|name resolution/,
    (_, host) => `the name ${host} cannot be resolved (no network yet, or a wrong name)`,
  ],
  [/ECONNREFUSED/, (at) => `nobody listens on ${at}`],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN/, (at) => `${at} cannot be reached`],
  [
    /CERT_HAS_EXPIRED|certificate: (Expired|certificate expired)/,
    (at) => `the certificate of ${at} has expired (or this machine's clock is wrong)`,
  ],
  [
    /CERT_NOT_YET_VALID|NotValidYet|certificate not valid yet/,
    (at) => `the certificate of ${at} is not valid yet (is this machine's clock wrong?)`,
  ],
  [
    /ALTNAME_INVALID|not valid for name|NotValidForName/,
    (at) => `the certificate of ${at} is for another host`,
  ],
  [
    /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|UnknownIssuer/,
    (at) => `the certificate of ${at} is signed by an authority that is not trusted here; see tls.ca`,
  ],
  [
    /CERTIFICATE_REQUIRED|CertificateRequired/,
    (at) => `${at} wants a client certificate; set tls.cert and tls.key`,
  ],
  [
    /before secure TLS connection|InvalidContentType|WRONG_VERSION/,
    (at) => `${at} broke off the TLS handshake; does it speak TLS?`,
  ],
];

/**
 * node:tls of Deno 2.9 calls an expired certificate "unable to verify the first certificate". Deno's own TLS knows
 * better, so the handshake is made once more with it.
 *
 * @returns what is wrong, as a person would say it; undefined when that cannot be found out.
 */
export async function diagnoseTls(connection: MqttConnection): Promise<string | undefined> {
  return await withLimit(tryHandshake(connection), DIAGNOSIS_LIMIT_MS, undefined);
}

async function tryHandshake(connection: MqttConnection): Promise<string | undefined> {
  const { host: hostname, port, tls: settings } = connection;
  if (settings?.server_name !== undefined) return undefined;
  try {
    const caCerts = settings?.ca ?? undefined;
    using socket = await Deno.connectTls({
      hostname,
      port,
      ...(caCerts === undefined ? {} : { caCerts: [caCerts] }),
    });
    await socket.handshake();
    return undefined;
  } catch (error) {
    return explainSocketError(error as Error, connection);
  }
}

/** True when an error may hide what is really wrong; see {@link diagnoseTls}. */
export function isVague({ code }: { code?: string }): boolean {
  return code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
}

/** True when the other side has ended the connection. */
export function isHangUp({ code, message }: Error & { code?: string }): boolean {
  return /ECONNRESET|EPIPE|ended by the other party/.test(`${code ?? ""} ${message}`);
}

/** What went wrong with a socket, as a person would say it. */
export function explainSocketError(error: Error & { code?: string }, { host, port }: MqttConnection): string {
  const text = `${error.code ?? ""} ${error.message}`;
  if (isHangUp(error) && !/secure TLS/.test(text)) return "the server closed the connection";
  const found = SENTENCES.find(([pattern]) => pattern.test(text));
  return found === undefined ? error.message : found[1](`${host}:${port}`, host);
}

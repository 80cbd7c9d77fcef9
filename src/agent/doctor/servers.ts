// Runs in: main thread.
import type { BackendLine } from "../../shared/registry.ts";
import type { JsonSchema } from "../../shared/secrets.ts";
import { parsePlace } from "../addresses.ts";
import { type BackendEntry, permissionsOf } from "../backend_host.ts";
import type { Login } from "../backend_login.ts";
import { resolveSecrets } from "../secret_values.ts";
import { ROOTS_LAUNCHER } from "../service/machine.ts";
import { fault, type Finding, fine, warn } from "./finding.ts";
import type { Address, Reach, Step } from "./reach.ts";

/** What is known of one backend's server. */
export interface ServerFacts {
  name: string;
  reaches: Reach[];
  /** As the running agent says, or as an attempt has shown; null when neither could be had, with the reason. */
  login: Login | { isIn: null; detail: string };
}

/** The addresses that a backend speaks to: those that its line of the registry grants. */
export function addressesOf(
  entry: BackendEntry,
  line: BackendLine,
  schema: JsonSchema | undefined,
  environment: Record<string, string>,
): Address[] {
  const { net = [] } = permissionsOf(line, entry);
  if (!Array.isArray(net)) return [];
  const { value } = resolveSecrets(entry.settings, schema ?? {}, environment);
  return net.flatMap((place) => {
    const { host, port } = parsePlace(place) ?? {};
    return host === undefined || port === undefined ? [] : [{ host, port, tls: tlsOf(value, port) }];
  });
}

/** An MQTT connection says whether it speaks TLS, a web address by its scheme. */
function tlsOf(settings: unknown, port: number): Address["tls"] {
  const { mqtt_connection: connection, ...others } = settings as {
    mqtt_connection?: { tls?: Record<string, unknown> | null };
  };
  if (Object.values(others).some((text) => isSecureAddress(text, port))) return {};
  if (connection?.tls === undefined || connection.tls === null) return undefined;
  const { ca, cert, key, server_name: serverName } = connection.tls;
  const texts = Object.entries({ ca, cert, key, serverName }).filter(([, value]) =>
    typeof value === "string"
  );
  return Object.fromEntries(texts);
}

function isSecureAddress(text: unknown, port: number): boolean {
  if (typeof text !== "string" || !text.startsWith("https://")) return false;
  return Number(new URL(text).port || 443) === port;
}

const PARTIAL_ADVICE = "the node uses the addresses that answer; ask the server's operator about the others";

export function judgeServer({ name, reaches, login }: ServerFacts): Finding[] {
  const found = reaches.flatMap((reach) => judgeReach(name, reach));
  const isFar = found.some(({ verdict }) => verdict === "fault");
  return [...found, judgeLogin(name, login, isFar)];
}

function judgeReach(name: string, { host, port, dns, tcp, tls }: Reach): Finding[] {
  const at = `${host}:${port}`;
  const judge = (kind: string, step: Step | undefined, advice: string): Finding[] => {
    if (step === undefined) return [];
    const check = `${name}: ${kind}`;
    const found = `${kind === "DNS" ? host : at}: ${step.detail} (${step.tookMs} ms)`;
    if (step.isDone && step.isPartial) return [warn(check, found, PARTIAL_ADVICE)];
    return [step.isDone ? fine(check, found) : fault(check, found, advice)];
  };
  return [
    ...judge(
      "DNS",
      dns,
      "check the name in the configuration, the network (ip address) and /etc/resolv.conf",
    ),
    ...judge("TCP", tcp, `check the port, the server and the firewalls between: nc -vz ${host} ${port}`),
    ...judge(
      "TLS",
      tls,
      "check tls.ca and tls.server_name, the server's certificate, and the clock of this machine",
    ),
  ];
}

function judgeLogin(name: string, { isIn, detail }: ServerFacts["login"], isFar: boolean): Finding {
  const check = `${name}: login`;
  if (isIn === null) {
    return warn(check, detail, `run it as the user of the node, or with sudo: ${ROOTS_LAUNCHER} doctor`);
  }
  if (isIn) return fine(check, detail);
  const advice = "check user, password or token, client_id and rights at the server";
  return fault(check, detail, isFar ? "mend the way to the server first" : advice);
}

// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import type { BackendFacts } from "../../shared/protocol.ts";
import { version } from "../../shared/version.ts";
import type { BackendEntry } from "../backend_host.ts";
import { tryLogin } from "../backend_login.ts";
import { backendEntries } from "../configuration.ts";
import { modifiedMs } from "../files.ts";
import { readKept, writeKept } from "../kept_values.ts";
import { exists, type Paths } from "../paths.ts";
import { takeRunLock } from "../run_lock.ts";
import type { Patient } from "./examine.ts";
import { tryToReach } from "./reach.ts";
import { addressesOf, type ServerFacts } from "./servers.ts";

/** A server that is slow to let somebody in, in milliseconds. */
const LOGIN_LIMIT_MS = 20_000;

/** Tries the way to each backend's server. While an agent runs it is asked for its logins: two cannot be in at once. */
export async function serverFacts(patient: Patient): Promise<ServerFacts[]> {
  const { parts, environment, raw, schemas } = patient;
  const entries = backendEntries(raw).filter(({ provider }) => Object.hasOwn(parts.backends, provider));
  if (entries.length === 0) return [];
  const reaching = entries.map((entry) =>
    Promise.all(
      addressesOf(entry, parts.backends[entry.provider]!, schemas.backends[entry.provider], environment)
        .map((address) => tryToReach(address, parts.resolveName)),
    )
  );
  const logins = await allLogins(patient, entries);
  const reaches = await Promise.all(reaching);
  return entries.map(({ name }, index) => ({ name, reaches: reaches[index]!, login: logins[index]! }));
}

async function allLogins(patient: Patient, entries: BackendEntry[]): Promise<ServerFacts["login"][]> {
  const { status, pid, paths } = patient;
  const nobodyKnows = (detail: string) => entries.map(() => ({ isIn: null, detail }));
  if (status !== undefined) return entries.map(({ name }) => loginOfAgent(status.backends[name]));
  if (pid !== null) return nobodyKnows(`PID ${pid} holds the node and does not say`);
  if (!exists(paths.data)) return nobodyKnows("not tried: there is no node yet");
  try {
    const taken = await takeRunLock(paths); // no agent may start meanwhile
    if (!("lock" in taken)) return nobodyKnows("an agent has just been started");
    try {
      return await Promise.all(entries.map((entry) => attempt(patient, entry)));
    } finally {
      taken.lock.release();
    }
  } catch (error) {
    return nobodyKnows(sentenceOf(error));
  }
}

function loginOfAgent(
  backend: { connected: boolean; connection: string } | undefined,
): ServerFacts["login"] {
  if (backend === undefined) {
    return { isIn: null, detail: "the running agent does not have this backend yet" };
  }
  return { isIn: backend.connected, detail: `the agent says: ${backend.connection}` };
}

function attempt({ parts, paths, environment, raw }: Patient, entry: BackendEntry) {
  return tryLogin({
    entry,
    line: parts.backends[entry.provider]!,
    environment,
    facts: factsFor(paths, raw, entry.name),
    keep: (value) => writeKept(paths, entry.name, value), // given out once only: the agent needs it, too
    limitMs: LOGIN_LIMIT_MS,
    ...(parts.resolveName === undefined ? {} : { resolveName: parts.resolveName }),
  });
}

function factsFor(paths: Paths, raw: unknown, name: string): BackendFacts {
  const general = (raw as { general?: Record<string, unknown> }).general ?? {};
  const nowMs = Date.now();
  return {
    systemIdentifier: String(general["system_identifier"]),
    softwareVersion: version,
    configRevision: Number(general["config_revision"]),
    configuredMs: modifiedMs(paths.configFile) ?? nowMs,
    target: Deno.build.target,
    agentStartedMs: nowMs,
    bootedMs: nowMs - Deno.osUptime() * 1000,
    storeId: null,
    kept: readKept(paths, name),
    packageTitle: "ivy",
  };
}

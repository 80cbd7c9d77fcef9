// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import { shownText } from "../../shared/secrets.ts";
import { checkConfig } from "../config_check.ts";
import { type AnnouncedSettings, ConfigError, type LoadedConfig, readRawConfig } from "../configuration.ts";
import { askAgent } from "../control_client.ts";
import type { Parts } from "../parts.ts";
import { exists, firstExisting, otherVersion, type Paths } from "../paths.ts";
import { environmentReferences } from "../secret_values.ts";
import type { Machine } from "../service/machine.ts";
import type { AgentStatus } from "../status.ts";
import { probeStore } from "../store_probe.ts";
import { judgeAgent, judgeConfig, judgeStore } from "./agent_check.ts";
import { clockFacts, judgeClock } from "./clock.ts";
import { diskFacts, judgeDisk } from "./disk.ts";
import { type Finding, type Surroundings, warn, WITH_SUDO } from "./finding.ts";
import { judgeMachine, machineFacts } from "./machine.ts";
import { judgeLocks, lockFacts } from "./locks.ts";
import { judgeRoot, rootFacts } from "./root.ts";
import { serverFacts } from "./server_facts.ts";
import { judgeServer } from "./servers.ts";
import { judgeService, serviceFacts } from "./service.ts";
import { updateFacts } from "./update_facts.ts";
import { judgeUpdates } from "./updates.ts";

export interface Examination {
  parts: Parts;
  paths: Paths;
  /** As it was when the process started; where an agent runs, with what that one has besides. */
  environment: Record<string, string>;
  machine: Pick<Machine, "unitFolder" | "hasSystemd">;
  surroundings: Surroundings;
  /** The PID of a process that holds the node; null when none does, as far as can be seen. */
  pid: number | null;
  /** Why that cannot be seen; null when it can. */
  pidDoubt: string | null;
}

/** What the examination knows of the node itself; the checks of servers and updates build on it. */
export interface Patient extends Examination {
  /** Undefined when no agent answers. */
  status: AgentStatus | undefined;
  /** The configuration file's value, undefined when it is not JSON, and as judged, undefined when it is not valid. */
  raw: unknown;
  loaded: LoadedConfig | undefined;
  faults: string[];
  schemas: AnnouncedSettings;
}

/** Looks at the whole node and its surroundings. Changes nothing on it. */
export async function examine(examination: Examination): Promise<Finding[]> {
  const patient = await admit(examination);
  const { paths, surroundings, machine, status, pid, pidDoubt: doubt, loaded } = patient;
  const disk = { folder: firstExisting(paths.data), storage: loaded?.config.storage ?? {} };
  const groups: [name: string, look: () => Promise<Finding[]>][] = [
    [
      "agent",
      () => Promise.resolve([judgeAgent({ root: paths.root, verdict: status?.verdict ?? null, pid, doubt })]),
    ],
    [
      "configuration",
      () => {
        const { configFile: file, launcher } = paths;
        const other = otherVersion(paths);
        const warnings = loaded?.warnings ?? [];
        return Promise.resolve([judgeConfig({ file, faults: patient.faults, warnings, other, launcher })]);
      },
    ],
    ["sandbox", () => Promise.resolve(judgeLocks(lockFacts(status)))],
    ["root", async () => judgeRoot(await rootFacts(surroundings, paths))],
    ["service", async () => [judgeService(await serviceFacts(surroundings, machine, paths.root))]],
    ["clock", async () => judgeClock(await clockFacts(surroundings, Date.now()))],
    ["machine", async () => judgeMachine(await machineFacts(surroundings))],
    ["disk", async () => judgeDisk(await diskFacts(surroundings, disk))],
    ["store", async () => exists(paths.data) ? [judgeStore(await probeStore(paths, patient.parts))] : []],
    ["backends", async () => (await serverFacts(patient)).flatMap(judgeServer)],
    ["updates", async () => loaded === undefined ? [] : judgeUpdates(await updateFacts(patient, loaded))],
  ];
  const findings = (await Promise.all(groups.map(([name, look]) => guarded(name, look)))).flat();
  return findings.map((finding) => ({ ...finding, found: shownText(finding.found) }));
}

/** What cannot be looked at is told, and keeps nobody from looking at the rest. */
async function guarded(name: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [warn(name, `it could not be looked at: ${sentenceOf(error)}`, WITH_SUDO)];
  }
}

async function admit(examination: Examination): Promise<Patient> {
  const { paths } = examination;
  const status = await askAgent<AgentStatus>(paths.socket, "GET", "/v1/status").catch(() => undefined);
  const checked = await checkFile(examination);
  for (const name of environmentReferences(checked.raw)) Deno.env.delete(name); // for no worker to see
  return { ...examination, status, ...checked };
}

async function checkFile(
  { parts, paths, environment }: Examination,
): Promise<Pick<Patient, "raw" | "loaded" | "faults" | "schemas">> {
  try {
    const loaded = await checkConfig(paths.configFile, { ...parts, paths, environment, mayBeEarlier: true });
    return { raw: loaded.raw, loaded, faults: [], schemas: loaded.schemas };
  } catch (error) {
    const faults = error instanceof ConfigError ? error.faults : [sentenceOf(error)];
    return {
      raw: readIfJson(paths.configFile),
      loaded: undefined,
      faults,
      schemas: { procedures: {}, backends: {} },
    };
  }
}

/** Servers can be looked at although some other setting is wrong. */
function readIfJson(file: string): unknown {
  try {
    return readRawConfig(file);
  } catch {
    return undefined;
  }
}

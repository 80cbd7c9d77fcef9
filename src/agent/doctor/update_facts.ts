// Runs in: main thread.
import { join } from "@std/path";
import { configJsonSchema, type UpdaterSettings } from "../../shared/config.ts";
import { sentenceOf } from "../../shared/errors.ts";
import { dateOf } from "../../shared/release_marks.ts";
import { withLimit } from "../../shared/time.ts";
import type { LoadedConfig } from "../configuration.ts";
import { requestAgent } from "../control_client.ts";
import { resolveSecrets } from "../secret_values.ts";
import { findVersion } from "../updater/fetch_version.ts";
import type { Patient } from "./examine.ts";
import { findBadKeys, type UpdateFacts } from "./updates.ts";

/** A person waits for the answer, in milliseconds. */
const LIMIT_MS = 30_000;
const PACE = { stallMs: 8000, retryMs: 500, attempts: 2 };

/** Asks the source of updates for its newest release: through the agent, else in a release worker of its own. */
export async function updateFacts(
  patient: Patient,
  { config: { updater: settings } }: LoadedConfig,
): Promise<UpdateFacts> {
  if (settings === null) return { settings, badKeys: [], source: { unasked: "" } };
  const badKeys = await findBadKeys(settings);
  const late = { error: `no answer within ${LIMIT_MS / 1000} s` };
  return { settings, badKeys, source: await withLimit(askSource(patient, settings), LIMIT_MS, late) };
}

async function askSource(patient: Patient, settings: UpdaterSettings): Promise<UpdateFacts["source"]> {
  try {
    if (patient.status !== undefined) return await askThroughAgent(patient);
    if (settings.provider === "thingsboard") {
      return { unasked: "only a running agent is told of ThingsBoard's packages" };
    }
    return await askDirectly(patient, settings);
  } catch (error) {
    return { error: sentenceOf(error) };
  }
}

async function askThroughAgent({ paths }: Patient): Promise<UpdateFacts["source"]> {
  const body = JSON.stringify({ version: null, folder: null });
  const response = await requestAgent(paths.socket, "POST", "/v1/update/check", { body });
  const answer = await response?.json() as UpdateFacts["source"] | undefined;
  return answer ?? { error: "the agent has just ended" };
}

async function askDirectly(
  { paths, parts, raw, environment }: Patient,
  settings: UpdaterSettings,
): Promise<{ version: string; date: string | null }> {
  const schema = configJsonSchema().properties!["updater"]!;
  const { value } = resolveSecrets((raw as { updater: unknown }).updater, schema, environment, ["updater"]);
  const { access_token: token = null } = value as { access_token?: string | null };
  const folder = Deno.makeTempDirSync({ prefix: "ivy-doctor-" }); // nothing of the node is touched
  try {
    const release = await findVersion({
      paths: { ...paths, staging: join(folder, "staging") },
      binary: undefined,
      settings,
      token,
      version: null,
      folder: undefined,
      module: parts.releaseModule,
      onLog: () => {},
      onPhase: () => {},
      pace: PACE,
    });
    return { version: release.version, date: dateOf(release) ?? null };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

// Runs in: main thread.
import { type LoadedConfig, redactConfig } from "../configuration.ts";
import { modifiedMs } from "../files.ts";
import type { Logging } from "../logging.ts";
import type { PointWatch } from "../point_watch.ts";
import type { StateAuthority } from "../state_authority.ts";
import type { RemoteConfiguration } from "../updater/remote_configuration.ts";
import type { Revisions } from "../updater/revisions.ts";
import type { Workers } from "../workers.ts";
import type { ConfigJson, RevisionJson, StatusJson } from "./api.ts";
import type { PageSource } from "./page_source.ts";

/** What of a running agent the page needs. */
export interface ShownAgent {
  status: () => Promise<StatusJson>;
  loaded: () => LoadedConfig;
  workers: () => Workers;
  remote: () => RemoteConfiguration;
  points: PointWatch;
  state: StateAuthority;
  logging: Logging;
}

/** The running agent as the page sees it. */
export function agentSource(
  { status, loaded, workers, remote, points, state, logging }: ShownAgent,
): PageSource {
  return {
    status,
    series: (query) => workers().store.request({ kind: "series", query }),
    config: () => shownConfig(loaded(), workers(), remote().history),
    state: () => {
      const { sequence, fields } = state.deltaSince(0);
      return { sequence, fields };
    },
    stateChangedSince: (sequence, signal) => state.changedSince(sequence, signal),
    watchLog: (listener) => logging.watch(listener),
    watchPoints: (listener) => points.watch(listener),
    redact: (text) => logging.redact(text),
  };
}

function shownConfig(
  { raw, config, file }: LoadedConfig,
  { schemas }: Workers,
  history: History,
): ConfigJson {
  const { $schema: _, ...shown } = redactConfig(raw, schemas) as Record<string, unknown>;
  const { config_revision: current } = config.general;
  return { config: shown, revisions: revisionsOf(current, modifiedMs(file) ?? null, history) };
}

type History = Revisions["history"];

/** The newest first; the one in use once. */
export function revisionsOf(
  current: number,
  sinceMs: number | null,
  { accepted, rejected }: History,
): RevisionJson[] {
  const before = accepted.filter(({ revision }) => revision !== current);
  return [
    { revision: current, status: "current" as const, reason: null, time_ms: sinceMs },
    ...[
      ...before.map(({ revision, timeMs }) => (
        { revision, status: "accepted" as const, reason: null, time_ms: timeMs }
      )),
      ...rejected.map(({ revision, reason, timeMs }) => (
        { revision, status: "rejected" as const, reason, time_ms: timeMs ?? null }
      )),
    ].sort((a, b) => b.revision - a.revision),
  ];
}

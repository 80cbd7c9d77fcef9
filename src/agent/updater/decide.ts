// Runs in: main thread.
import { keepSecrets } from "./kept_secrets.ts";
import { forbiddenChanges } from "./local_only.ts";

/** A configuration that came from afar, unjudged. */
export interface Received {
  revision: number;
  config: unknown;
}

/** What the node runs with. */
export interface Current {
  /** The configuration's JSON value. */
  raw: unknown;
  revision: number;
  softwareVersion: string;
}

/** What to do with a received configuration. */
export type Decision =
  | { kind: "ignore"; reason: string }
  | { kind: "reject"; reason: string }
  /** For this version: to be validated, tested, and taken into use. Secrets are in place. */
  | { kind: "reconfigure"; config: Record<string, unknown> }
  /** For another version. */
  | { kind: "upgrade"; version: string; config: Record<string, unknown> };

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/** Decides what a received configuration means for a node; looks at nothing else. */
export function decideUpdate(
  current: Current,
  { revision, config: received }: Received,
  rejectedRevisions: ReadonlySet<number>,
): Decision {
  if (revision <= current.revision) {
    return { kind: "ignore", reason: `the node runs with revision ${current.revision} already` };
  }
  if (rejectedRevisions.has(revision)) return { kind: "ignore", reason: "it has been rejected before" };
  if (!isObject(received)) return { kind: "reject", reason: "a configuration must be an object" };
  const { general } = received;
  if (!isObject(general)) return { kind: "reject", reason: "general must be an object" };
  const version = general["software_version"];
  if (typeof version !== "string" || !VERSION.test(version)) {
    return { kind: "reject", reason: "general.software_version must be a version such as 1.2.3" };
  }
  const { config, missing } = keepSecrets(received, current.raw);
  if (missing.length > 0) {
    return {
      kind: "reject",
      reason: `"•••" stands for the present value, but there is none at ${missing.join(", ")}`,
    };
  }
  const forbidden = forbiddenChanges(current.raw, config);
  if (forbidden.length > 0) {
    return { kind: "reject", reason: `only a person on the node may change ${forbidden.join(", ")}` };
  }
  const whole = config as Record<string, unknown> & { general: object };
  const complete = { ...whole, general: { ...whole.general, config_revision: revision } };
  if (version === current.softwareVersion) return { kind: "reconfigure", config: complete };
  return { kind: "upgrade", version, config: complete };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

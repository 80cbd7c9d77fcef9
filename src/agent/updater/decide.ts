// Runs in: main thread.
import { isVersion } from "../../shared/release.ts";
import type { DestinationRules } from "./destination.ts";
import { isObject } from "./entries.ts";
import { keepSecrets } from "./kept_secrets.ts";
import { forbiddenChanges, refusesReferences } from "./local_only.ts";
import { placesOf } from "./named_places.ts";
import { newReferences, secretMoves } from "./secret_moves.ts";

/** A configuration that came from a server, unchecked. */
export interface Received {
  revision: number;
  config: unknown;
  /** Why it is too much to be looked at. */
  excess?: string | undefined;
  /** A person on the node allowed it to send secrets elsewhere and to read what it names. */
  isAllowed?: boolean;
}

/** What the node runs with. */
export interface Current {
  /** The configuration's JSON value. */
  raw: unknown;
  revision: number;
  softwareVersion: string;
  /** What says where secrets go. */
  rules: DestinationRules;
  /** Whether the server of a backend of this name has given out credentials that are kept on the node. */
  hasCredentials: (backend: string) => boolean;
}

/** What to do with a received configuration. */
export type Decision =
  | { kind: "ignore"; reason: string }
  /** `canBeAllowed`: by a person on the node. */
  | { kind: "reject"; reason: string; canBeAllowed?: true }
  /** For this version: to be validated, tested, and taken into use. Secrets are in place. */
  | { kind: "reconfigure"; config: Record<string, unknown> }
  /** For another version. */
  | { kind: "upgrade"; version: string; config: Record<string, unknown> };

/** Decides what a received configuration means for a node; looks at nothing else. */
export function decideUpdate(
  current: Current,
  { revision, config: received, isAllowed = false }: Received,
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
  if (typeof version !== "string" || !isVersion(version)) {
    return { kind: "reject", reason: "general.software_version must be a version such as 1.2.3" };
  }
  const unsaid = unsaidConfigures(received);
  if (unsaid.length > 0) {
    const reason = `${unsaid.join(", ")}: expected true or false, since there are several backends ` +
      "(may its server configure this node?)";
    return { kind: "reject", reason };
  }
  const { config, kept, missing } = keepSecrets(received, current.raw);
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
  const isForeign = version !== current.softwareVersion;
  const moves = secretMoves({ ...current.rules, ...current, current: current.raw, config, kept });
  if (!isAllowed) {
    const references = refusesReferences(current.raw) ? newReferences(current.raw, config, isForeign) : [];
    const refusal = refuseMoves(revision, references, moves.refusals);
    if (refusal !== undefined) return refusal;
  }
  const whole = (isAllowed ? config : moves.config) as Record<string, unknown> & { general: object };
  const complete = { ...whole, general: { ...whole.general, config_revision: revision } };
  return isForeign
    ? { kind: "upgrade", version, config: complete }
    : { kind: "reconfigure", config: complete };
}

/** Where several servers are, each must be said to configure the node or not: nobody should by being forgotten. */
function unsaidConfigures(received: Record<string, unknown>): string[] {
  const backends = placesOf("backends[]", received);
  if (backends.length < 2) return [];
  return backends.filter(({ value }) => typeof (value as { configures?: unknown })?.configures !== "boolean")
    .map(({ name }) => `${name}.configures`);
}

function refuseMoves(revision: number, references: string[], moves: string[]): Decision | undefined {
  const reasons = [
    ...(references.length === 0 ? [] : [`only a person on the node may change ${references.join(", ")}`]),
    ...(moves.length === 0 ? [] : [
      `${moves.join("; ")}: a secret belongs to its destination, so send new ones in place of "•••" and ` +
      "references, or give a backend that has credentials another name",
    ]),
  ];
  if (reasons.length === 0) return undefined;
  const reason = `${reasons.join("; ")}; or a person on the node allows it: ivy config accept ${revision}`;
  return { kind: "reject", reason, canBeAllowed: true };
}

// Runs in: main thread.
import { sameValue } from "../../shared/state_replica.ts";
import { nameOf } from "./named_places.ts";

/** Names of workers. One that is in both is restarted. */
export interface WorkerChanges {
  stop: string[];
  start: string[];
}

/** What a new configuration changes in a running agent. */
export interface Changes {
  procedures: WorkerChanges;
  backends: WorkerChanges;
  logging: boolean;
  storage: boolean;
  page: boolean;
}

type Raw = {
  general?: { system_identifier?: unknown };
  logging_verbosity?: unknown;
  storage?: unknown;
  status_page?: unknown;
  procedures?: Record<string, { enabled?: unknown }>;
  backends?: unknown[];
};

/** Works out what has to be restarted; both configurations are valid. */
export function planChanges(current: unknown, next: unknown): Changes {
  const before = current as Raw;
  const after = next as Raw;
  const isOtherSystem = before.general?.system_identifier !== after.general?.system_identifier;
  return {
    procedures: compare(enabledProcedures(before), enabledProcedures(after), isOtherSystem),
    backends: compare(namedBackends(before), namedBackends(after), isOtherSystem),
    logging: !sameValue(before.logging_verbosity, after.logging_verbosity),
    storage: !sameValue(before.storage ?? {}, after.storage ?? {}),
    page: isOtherSystem || !sameValue(before.status_page, after.status_page),
  };
}

/** True when a change restarts nothing. */
export function changesNothing({ procedures, backends, logging, storage, page }: Changes): boolean {
  const workers = [procedures, backends].flatMap(({ stop, start }) => [...stop, ...start]);
  return workers.length === 0 && !logging && !storage && !page;
}

function compare(before: Map<string, unknown>, after: Map<string, unknown>, all: boolean): WorkerChanges {
  const isSame = (name: string) =>
    !all && before.has(name) && after.has(name) && sameValue(before.get(name), after.get(name));
  return {
    stop: [...before.keys()].filter((name) => !isSame(name)),
    start: [...after.keys()].filter((name) => !isSame(name)),
  };
}

function enabledProcedures({ procedures = {} }: Raw): Map<string, unknown> {
  return new Map(Object.entries(procedures).filter(([, { enabled }]) => enabled === true));
}

function namedBackends({ backends = [] }: Raw): Map<string, unknown> {
  return new Map(backends.map((entry) => [nameOf(entry) ?? "", entry]));
}

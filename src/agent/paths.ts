// Runs in: main thread.
import { dirname, join, resolve } from "@std/path";
import { version } from "../shared/version.ts";
import { CommandError, EXIT } from "./errors.ts";

/** Where everything is below the root. */
export interface Paths {
  root: string;
  launcher: string;
  current: string;
  versionFolder: string;
  configFile: string;
  /** The last configuration that ran, beside the one that should. */
  lastGoodConfigFile: string;
  /** A received configuration while it is judged, and the one that ran before the last change from afar. */
  candidateConfigFile: string;
  previousConfigFile: string;
  data: string;
  messages: string;
  logs: string;
  /** The shared state, for the next start. */
  stateFile: string;
  /** Present only while a new configuration proves itself. */
  reconfiguration: string;
  /** Which revisions were rejected. */
  revisions: string;
  /** What an update needs to know after the switch, its counter of starts, and what is known of releases. */
  update: string;
  probation: string;
  releases: string;
  /** Which versions this program has installed. */
  versions: string;
  /** What became of the last package that a server offered, and what the server has not been told yet. */
  package: string;
  /** Downloads under way. */
  staging: string;
  /** What backends asked main to keep, one file each, mode 0600. */
  kept: string;
  lockFile: string;
  socket: string;
}

/** @param softwareVersion The version whose folder is meant; default: this program's. */
export function pathsOf(root: string, softwareVersion = version): Paths {
  const versionFolder = join(root, softwareVersion);
  const data = join(root, "data");
  return {
    root,
    launcher: join(root, "ivy"),
    current: join(root, "current"),
    versionFolder,
    configFile: join(versionFolder, "config", "config.json"),
    lastGoodConfigFile: join(versionFolder, "config", "config.last_good.json"),
    candidateConfigFile: join(versionFolder, "config", "config.candidate.json"),
    previousConfigFile: join(versionFolder, "config", "config.previous.json"),
    data,
    messages: join(data, "messages"),
    logs: join(data, "logs"),
    stateFile: join(data, "state.kv"),
    reconfiguration: join(data, "reconfiguration.json"),
    revisions: join(data, "revisions.json"),
    update: join(data, "update.json"),
    probation: join(data, "probation"),
    releases: join(data, "releases.json"),
    versions: join(root, "control", "versions.json"),
    package: join(data, "offered_package.json"),
    staging: join(root, "staging"),
    kept: join(data, "backends"),
    lockFile: join(data, "run.lock"),
    socket: join(data, "ivy.sock"),
  };
}

/**
 * Finds the root: what was asked for, else `$IVY_ROOT`, else the folder that the running binary (or its version's
 * folder) lies in if that is a root already, else `~/Documents/ivy`.
 */
export function findRoot(asked: string | undefined, env = (name: string) => Deno.env.get(name)): string {
  const named = asked ?? env("IVY_ROOT");
  if (named !== undefined && named !== "") return resolve(named);
  if (Deno.build.standalone) {
    const folder = dirname(Deno.realPathSync(Deno.execPath()));
    const found = [folder, dirname(folder)].find(isRoot);
    if (found !== undefined) return found;
  }
  return join(env("HOME") ?? "/", "Documents", "ivy");
}

function isRoot(folder: string): boolean {
  return exists(join(folder, "current")) || exists(join(folder, "data"));
}

/**
 * @returns the root, which need not exist.
 * @throws {CommandError} when it, or what it lies in, is no folder.
 */
export function checkIsFolder(root: string): string {
  const existing = firstExisting(root);
  if (isFolder(existing)) return root;
  throw new CommandError(`${existing} is no folder: choose another --root`, EXIT.wrongUsage);
}

/** The path itself, or the nearest folder above it that is there. */
export function firstExisting(path: string): string {
  return exists(path) ? path : firstExisting(dirname(path));
}

/** The active version, where that is another one and this one has no configuration here; else undefined. */
export function otherVersion({ current, configFile }: Paths): string | undefined {
  if (exists(configFile) || !exists(current)) return undefined;
  const active = Deno.readLinkSync(current);
  return active === version ? undefined : active;
}

/** @throws {CommandError} when the node's configuration is for another version of Ivy. */
export function refuseOtherVersion(paths: Paths): void {
  const other = otherVersion(paths);
  if (other === undefined) return;
  throw new CommandError(
    `${paths.root} runs Ivy ${other}, and this is ${version}: call ${paths.launcher} instead`,
  );
}

/** False also for a link that leads nowhere. */
function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** True when there is something at the path, be it a dangling link. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

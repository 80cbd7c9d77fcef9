// Runs in: main thread.
import { Agent } from "../agent/agent.ts";
import { checkConfig, type CheckOptions } from "../agent/config_check.ts";
import { ConfigError, knownNames, loadConfig, type LoadedConfig } from "../agent/configuration.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { withFailures } from "../agent/failures_before.ts";
import { reportFailedStart } from "../agent/failed_start.ts";
import { recordProvenVersions } from "../agent/installed_versions.ts";
import { createDataFolder, createLayout } from "../agent/layout.ts";
import type { Parts } from "../agent/parts.ts";
import { exists, type Paths, pathsOf } from "../agent/paths.ts";
import { type RunLock, takeRunLock } from "../agent/run_lock.ts";
import { countStart } from "../agent/updater/count_start.ts";
import { learnOwnSerial } from "../agent/updater/own_serial.ts";
import { leaveAtOnce } from "../agent/updater/probation.ts";
import { restartProcess } from "../agent/self_restart.ts";
import { reportToManager } from "../agent/service/reports.ts";
import { surviveUncaught } from "../agent/uncaught.ts";
import { sentenceOf } from "../shared/errors.ts";
import type { StoredMessage } from "../shared/protocol.ts";
import type { CommandContext } from "./command.ts";
import { describeLine } from "./message_text.ts";
import type { Output } from "./output.ts";

/** Why the agent ends: a signal, a root that is gone, a server's wish, or a thread that only a fresh process is rid of (hasty). */
type Ending = { kind: "stop" | "restart" | "lost"; reason: string; hasty: boolean };

/** `ivy run`: measures in the foreground until it is told to stop. */
export default async function run(context: CommandContext): Promise<ExitStatus> {
  const { out, flags, environment } = context;
  const paths = pathsOf(context.root);
  for (const line of createDataFolder(paths)) out.note(`ivy: ${line}`);
  const lock = await lockOrRefuse(paths);
  for (const line of createLayout(paths)) out.note(`ivy: ${line}`);
  await recordVersions(paths, out).catch((error) => { // on a full disk it measures none the less
    out.note(`ivy: ${paths.versions} could not be written: ${sentenceOf(error)}`);
  });
  await lock.tellPid().catch((error) => out.note(`ivy: no command can see the PID: ${sentenceOf(error)}`));
  const parts = await context.parts();
  const givenUp = countStart(paths);
  if (givenUp !== undefined) out.note(`ivy: ${givenUp}`);
  const loaded = await loadOrReport(paths, parts, environment).catch((error) => {
    if (leaveAtOnce(paths, sentenceOf(error))) restart(paths, lock, environment);
    throw error;
  });
  const ending = Promise.withResolvers<Ending>();
  const agent = new Agent({
    parts,
    paths,
    loaded: flags["no-console"] === true ? withoutConsole(loaded) : loaded,
    environment,
    colour: out.colour,
    ...(flags["messages"] === true ? { onStored: (messages) => printMessages(out, messages) } : {}),
    lock,
    onRestartNeeded: (reason, hasty) => ending.resolve({ kind: "restart", reason, hasty }),
    onRootLost: (reason) => ending.resolve({ kind: "lost", reason, hasty: false }),
  });
  surviveUncaught((error) => agent.noteUncaught(error));
  const signals = listenForSignals(out, (reason) => ending.resolve({ kind: "stop", reason, hasty: false }));
  const reports = reportToManager(agent, environment, (sentence) => out.note(`ivy: ${sentence}`));
  await startOrLeave(agent, paths, lock, environment);
  void agent.ready.then(() => reports?.ready());
  if (flags["messages"] === true) announceFiles(out, paths);
  const { kind, reason, hasty } = await ending.promise;
  reports?.ending(signals.haveCome() || kind === "lost" ? "stop" : kind, reason);
  await agent.stop(reason, { hasty });
  signals.ignore();
  if (kind === "restart" && !signals.haveCome()) {
    const failures = hasty ? agent.failures : {}; // another version does not answer for this one's
    restart(paths, lock, withFailures(environment, failures));
  }
  lock.release();
  if (kind === "lost" && !signals.haveCome()) throw new CommandError(reason);
  return EXIT.done;
}

async function recordVersions(paths: Paths, out: Output): Promise<void> {
  const recorded = await recordProvenVersions(paths);
  for (const line of await learnOwnSerial(paths, recorded)) out.note(`ivy: ${line}`);
}

/** @throws {ConfigError} after it has been put on record. */
async function loadOrReport(
  paths: Paths,
  parts: Parts,
  environment: Record<string, string>,
): Promise<LoadedConfig> {
  try {
    return loadConfig(paths, knownNames(parts));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const whole = await withProceduresFaults(error, {
      ...parts,
      paths,
      environment,
      mustBoot: false,
      mayBeEarlier: true,
    });
    await reportFailedStart(whole, { parts, paths });
    throw whole;
  }
}

/** Main has found faults in its part; the procedures are asked as well, so that a person sees all at once. */
async function withProceduresFaults(error: ConfigError, options: CheckOptions): Promise<ConfigError> {
  if (error.raw === undefined) return error;
  const all = await checkConfig(error.file, options).then(() => error, (thrown) => thrown);
  return all instanceof ConfigError ? all : error;
}

async function lockOrRefuse(paths: Paths): Promise<RunLock> {
  const taken = await takeRunLock(paths);
  if ("lock" in taken) return taken.lock;
  const holder = taken.holder === undefined ? "another process" : `PID ${taken.holder}`;
  throw new CommandError(
    `Ivy runs already on ${paths.root} (${holder}); stop it with: ivy stop --root ${paths.root}`,
    EXIT.alreadyRunning,
  );
}

/** A terminal and `deno task` may both pass on one Ctrl-C: two of these this close together are one. */
const SAME_SIGNAL_MS = 500;

/** SIGTERM and SIGINT ask politely; a second one ends the process at once. */
function listenForSignals(
  out: Output,
  onSignal: (reason: string) => void,
): { haveCome(): boolean; ignore(): void } {
  let askedMs: number | undefined;
  const handlers = (["SIGTERM", "SIGINT"] as const).map((signal) => {
    const handle = () => {
      if (askedMs !== undefined) {
        const isSame = signal === "SIGINT" && performance.now() - askedMs < SAME_SIGNAL_MS;
        if (!isSame) Deno.kill(Deno.pid, "SIGKILL");
        return;
      }
      askedMs = performance.now();
      out.note(`ivy: ${signal}: ending; once more ends at once`);
      onSignal(signal);
    };
    Deno.addSignalListener(signal, handle);
    return () => Deno.removeSignalListener(signal, handle);
  });
  return { haveCome: () => askedMs !== undefined, ignore: () => handlers.forEach((remove) => remove()) };
}

function withoutConsole<T extends { config: { logging_verbosity: object } }>(loaded: T): T {
  const quiet = { ...loaded.config.logging_verbosity, console_prints: null };
  return { ...loaded, config: { ...loaded.config, logging_verbosity: quiet } };
}

/** A version on probation that cannot even start is left at once. */
async function startOrLeave(
  agent: Agent,
  paths: Paths,
  lock: RunLock,
  environment: Record<string, string>,
): Promise<void> {
  try {
    await agent.start();
  } catch (error) {
    if (leaveAtOnce(paths, sentenceOf(error))) restart(paths, lock, environment);
    throw error;
  }
}

/** Replaces the process by the active version; where that cannot be done, its end lets systemd or cron start it. */
function restart({ launcher }: Paths, lock: RunLock, environment: Record<string, string>): never {
  lock.release();
  return Deno.build.standalone && exists(launcher)
    ? restartProcess(environment, launcher)
    : restartProcess(environment);
}

function announceFiles(out: Output, paths: Paths): void {
  out.note(`ivy: measuring. Messages: ${paths.messages}  Log: ${paths.logs}  Config: ${paths.configFile}`);
  out.note("ivy: Ctrl-C ends it");
}

function printMessages(out: Output, messages: StoredMessage[]): void {
  for (const { origin, line } of messages) out.print(describeLine(line, origin));
}

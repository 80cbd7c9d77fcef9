// Runs in: main thread.
import { askAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { type Paths, pathsOf } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import type { AgentStatus, WorkerStatusJson } from "../agent/status.ts";
import { formatBytes, formatDuration } from "../shared/time.ts";
import type { CommandContext } from "./command.ts";
import { alignColumns, type Output, paint } from "./output.ts";

/** `ivy status` */
export default async function status({ out, root, flags }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const found = await askAgent<AgentStatus>(paths.socket, "GET", "/v1/status");
  if (found === undefined) return await reportAbsence(paths, out, flags["json"] === true);
  if (flags["json"] === true) out.json({ running: true, ...found });
  else describe(found).forEach((line) => out.print(line));
  return EXIT.done;
}

async function reportAbsence(paths: Paths, out: Output, json: boolean): Promise<ExitStatus> {
  const { root } = paths;
  const pid = await runningPid(paths);
  if (pid !== undefined) {
    throw new CommandError(
      `PID ${pid} runs on ${root} but does not answer: it starts or ends just now, or it hangs`,
    );
  }
  if (json) out.json({ running: false, root });
  else out.print(`Ivy does not run on ${root}; start it with: ivy start --root ${root}`);
  return EXIT.notRunning;
}

function describe(status: AgentStatus): string[] {
  const { store, procedures, backends, verdict } = status;
  const rows = Object.entries({ ...procedures, ...backends, store }).map(([name, worker]) =>
    row(name, worker)
  );
  const stored = Object.values(store.messages?.stored ?? {}).reduce((sum, count) => sum + count, 0);
  return [
    `${verdict.well ? paint.green("well") : paint.red("not well")}  ${status.system_identifier}, Ivy ` +
    `${status.software_version}, configuration ${status.config_revision}, PID ${status.pid}, ` +
    `up ${formatDuration(status.uptime_seconds * 1000)}, ${formatBytes(status.rss_bytes)}`,
    ...verdict.reasons.map((reason) => `  ${paint.red(reason)}`),
    ...(status.update === null ? [] : [paint.yellow(`update: ${status.update}`)]),
    // An agent of 0.1, which is asked until the update has come, does not say.
    ...(status.update_warning ? [paint.yellow(`updates: ${status.update_warning}`)] : []),
    ...(status.config_damage === null ? [] : [paint.red(`configuration damaged: ${status.config_damage}`)]),
    "",
    ...alignColumns([
      ["WORKER", "STATE", "RESTARTS", "HEARTBEAT", "HEAP", "LAST ERROR"].map(paint.dim),
      ...rows,
    ]),
    ...describeBackends(backends),
    "",
    ...describeDisk(status.disk),
    store.messages === null
      ? paint.red("the store does not answer")
      : `messages: ${stored} stored, ${store.messages.waiting} waiting, ${store.messages.refused} refused, ` +
        `${formatBytes(store.messages.free_bytes)} free`,
  ];
}

/** An agent of 0.1, which is asked until the update has come, does not say which limits fit its disk. */
function describeDisk(disk: AgentStatus["disk"]): string[] {
  if (disk?.limit_warnings === undefined) return [];
  const { free_bytes, total_bytes, min_free_bytes, max_outbox_bytes, limit_warnings } = disk;
  return [
    `disk: ${formatBytes(free_bytes)} of ${
      formatBytes(total_bytes)
    } free; old data leaves the outbox below ` +
    `${formatBytes(min_free_bytes)} free, or when it is larger than ${formatBytes(max_outbox_bytes)}`,
    ...limit_warnings.map((warning) => paint.yellow(warning)),
  ];
}

function describeBackends(backends: AgentStatus["backends"]): string[] {
  if (Object.keys(backends).length === 0) return [];
  const rows = Object.entries(backends).map(([name, { connected, connection, messages }]) => [
    paint.bold(name),
    connected ? paint.green("connected") : paint.yellow("not connected"),
    ...[messages?.acknowledged, messages?.waiting, messages?.parked].map((count) => String(count ?? "-")),
    connection,
  ]);
  const header = ["BACKEND", "CONNECTION", "SENT", "WAITING", "PARKED", "SERVER"].map(paint.dim);
  return ["", ...alignColumns([header, ...rows])];
}

function row(name: string, worker: WorkerStatusJson): string[] {
  const { state, seconds_since_heartbeat: beat, last_error: error } = worker;
  const age = error === null ? "" : `${formatDuration(Date.now() - error.time_ms)} ago: ${error.message}`;
  return [
    paint.bold(name),
    state === "running" ? paint.green(state) : paint.yellow(state),
    String(worker.restarts),
    beat === null ? "-" : `${Math.round(beat)} s ago`,
    formatBytes(worker.heap_bytes),
    age,
  ];
}

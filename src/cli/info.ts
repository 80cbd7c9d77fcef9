// Runs in: main thread.
import { askAgent } from "../agent/control_client.ts";
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import { exists, type Paths, pathsOf } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import { readUpdateJournal } from "../agent/updater/update_journal.ts";
import type { UpdateJson } from "../agent/updater/update_routes.ts";
import { version } from "../shared/version.ts";
import type { CommandContext } from "./command.ts";
import { alignColumns, paint } from "./output.ts";

/** `ivy info`: facts that need no running agent, and what one says of versions. Its JSON keys are stable. */
export default async function info({ out, root, flags }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const facts = {
    software_version: version,
    target: Deno.build.target,
    deno_version: Deno.version.deno,
    compiled: Deno.build.standalone,
    program: Deno.build.standalone ? Deno.execPath() : Deno.mainModule,
    root,
    active_version: exists(paths.current) ? Deno.readLinkSync(paths.current) : null,
    config_file: paths.configFile,
    message_folder: paths.messages,
    log_folder: paths.logs,
    ...await updateFacts(paths),
    running_pid: await runningPid(paths) ?? null,
    host: Deno.hostname(),
    cores: navigator.hardwareConcurrency,
  };
  if (flags["json"] === true) out.json(facts);
  else {
    const { probation: _, ...shown } = facts; // it is part of what is said of the update
    const rows = Object.entries(shown).map((
      [key, value],
    ) => [paint.dim(key.replaceAll("_", " ")), String(value ?? "-")]);
    for (const line of alignColumns(rows)) out.print(line);
  }
  return EXIT.done;
}

/** Asked of the agent; where none answers, what the next start will go on with. */
async function updateFacts(paths: Paths): Promise<UpdateJson> {
  const found = await askAgent<UpdateJson>(paths.socket, "GET", "/v1/update").catch(() => undefined);
  if (found !== undefined) return found;
  const journal = readUpdateJournal(paths);
  const update = journal === undefined
    ? null
    : journal.failure === undefined
    ? `the next start goes on with the change from ${journal.from} to ${journal.version}`
    : `${journal.version} was left for ${journal.from}: ${journal.failure}`;
  return { update, probation: null };
}

// Runs in: main thread.
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import { exists, pathsOf } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import { version } from "../shared/version.ts";
import type { CommandContext } from "./command.ts";
import { alignColumns, paint } from "./output.ts";

/** `ivy info`: facts that need no running agent. Its JSON keys are stable. */
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
    running_pid: await runningPid(paths.lockFile) ?? null,
    host: Deno.hostname(),
    cores: navigator.hardwareConcurrency,
  };
  if (flags["json"] === true) out.json(facts);
  else {
    const rows = Object.entries(facts).map((
      [key, value],
    ) => [paint.dim(key.replaceAll("_", " ")), String(value ?? "-")]);
    for (const line of alignColumns(rows)) out.print(line);
  }
  return EXIT.done;
}

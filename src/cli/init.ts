// Runs in: main thread.
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import { recordProvenVersions } from "../agent/installed_versions.ts";
import { createDataFolder, createLayout } from "../agent/layout.ts";
import { pathsOf } from "../agent/paths.ts";
import { programCommand } from "../agent/program.ts";
import { takeRunLock } from "../agent/run_lock.ts";
import { learnOwnSerial } from "../agent/updater/own_serial.ts";
import type { CommandContext } from "./command.ts";

/** `ivy init`: lays a node out and says what to do next. */
export default async function init({ out, root }: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(root);
  const created = createDataFolder(paths);
  const taken = await takeRunLock(paths);
  if (!("lock" in taken)) {
    out.print(`Ivy runs on ${root} (PID ${taken.holder ?? "unknown"}); nothing was changed`);
    return EXIT.done;
  }
  created.push(...createLayout(paths));
  created.push(...await learnOwnSerial(paths, await recordProvenVersions(paths)));
  taken.lock.release();
  for (const line of created) out.print(line);
  if (created.length === 0) out.print(`${root} is complete; nothing was changed`);
  const ivy = Deno.build.standalone ? paths.launcher : programCommand().join(" ");
  out.print();
  out.print("Next:");
  out.print(`  1. edit   ${paths.configFile}`);
  out.print(`  2. check  ${ivy} config validate --root ${root}`);
  out.print(`  3. start  ${ivy} start --root ${root}`);
  if (Deno.build.standalone) {
    out.print(`     or, as a service:  sudo ${Deno.execPath()} install --root ${root}`);
  }
  return EXIT.done;
}

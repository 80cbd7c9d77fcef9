// Runs in: main thread.
import { examine } from "../agent/doctor/examine.ts";
import { environmentOfAgent } from "../agent/doctor/environment.ts";
import { openBundle, SERVICE_JOURNAL, writeBundle } from "../agent/doctor/bundle.ts";
import type { Finding, Surroundings } from "../agent/doctor/finding.ts";
import { askedByRoot, realSurroundings } from "../agent/doctor/surroundings.ts";
import { describeWorkers } from "../agent/config_check.ts";
import { askAgent } from "../agent/control_client.ts";
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import { becomeOwnerOf, foreignOwner } from "../agent/owner.ts";
import { pathsOf } from "../agent/paths.ts";
import { runningPid } from "../agent/run_lock.ts";
import { thisMachine } from "../agent/service/machine.ts";
import { sentenceOf } from "../shared/errors.ts";
import type { CommandContext } from "./command.ts";
import { type Output, paint } from "./output.ts";

/** `ivy doctor [--json] [--bundle FILE.tar.gz]`: one line per check; exit status 1 when one finds a fault. */
export default async function doctor(context: CommandContext): Promise<ExitStatus> {
  const { out, root, flags } = context;
  const machine = thisMachine(context.environment);
  const file = flags["bundle"] as string | undefined;
  const output = file === undefined ? undefined : openBundle(file);
  const surroundings = await lookAsRoot(realSurroundings(machine), root, output !== undefined);
  becomeOwnerOf(root);
  const paths = pathsOf(root);
  const parts = await context.parts();
  let pidDoubt: string | null = null;
  const pid = await runningPid(paths).catch((error) => void (pidDoubt = sentenceOf(error))) ?? null;
  const environment = { ...environmentOfAgent(pid), ...context.environment };
  const findings = await examine({ parts, paths, environment, machine, surroundings, pid, pidDoubt });
  const faults = findings.filter(({ verdict }) => verdict === "fault").length;
  if (flags["json"] === true) out.json({ well: faults === 0, checks: findings });
  else show(findings, out);
  if (file !== undefined && output !== undefined) {
    const schemas = await describeWorkers({ ...parts, paths, environment });
    const status = await askAgent(paths.socket, "GET", "/v1/status").catch(() => undefined);
    await writeBundle({
      output,
      file,
      paths,
      environment,
      surroundings,
      schemas,
      findings,
      status,
      nowMs: Date.now(),
    });
    out.note(
      `ivy: wrote ${file}: logs, status, configuration without its secrets, versions. Read it before you send it`,
    );
  }
  return faults === 0 ? EXIT.done : EXIT.failed;
}

/** What root alone is told of the machine is asked before its rights are given up. */
async function lookAsRoot(
  surroundings: Surroundings,
  root: string,
  withJournal: boolean,
): Promise<Surroundings> {
  if (foreignOwner(root) === undefined) return surroundings;
  return await askedByRoot(surroundings, withJournal ? [SERVICE_JOURNAL] : []);
}

function show(findings: Finding[], out: Output): void {
  const marks = { ok: paint.green("✓"), warning: paint.yellow("!"), fault: paint.red("✗") };
  for (const { check, verdict, found, advice } of findings) {
    out.print(`${marks[verdict]} ${paint.bold(check)}: ${found}`);
    if (advice !== null) out.print(`    → ${advice}`);
  }
  const count = (verdict: Finding["verdict"]) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  out.print(`${count("ok")} well, ${count("warning")} to look at, ${count("fault")} wrong`);
}

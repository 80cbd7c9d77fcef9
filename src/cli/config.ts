// Runs in: main thread.
import { basename, dirname } from "@std/path";
import { checkConfig, describeWorkers } from "../agent/config_check.ts";
import { ConfigError, readRawConfig, redactConfig, wholeSchema } from "../agent/configuration.ts";
import { requestAgent } from "../agent/control_client.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { type Paths, pathsOf, refuseOtherVersion } from "../agent/paths.ts";
import { storageWarnings } from "../agent/storage_warnings.ts";
import { allowRefused } from "../agent/updater/refused_configuration.ts";
import type { CommandContext } from "./command.ts";
import { valueAt } from "./state_path.ts";

/** `ivy config validate [FILE] | show [PATH] | schema | accept REVISION` */
export default async function config(context: CommandContext): Promise<ExitStatus> {
  const [action, file] = context.args;
  const paths = pathsOf(context.root);
  const { procedures, backends } = await context.parts();
  const options = { procedures, backends, paths, environment: context.environment };
  if (file !== undefined && action === "schema") {
    throw new CommandError(
      `config ${action}: "${file}" is one word too many; see: ivy help config`,
      EXIT.wrongUsage,
    );
  }
  if (action === "show" || (action === "validate" && file === undefined)) refuseOtherVersion(paths);
  switch (action) {
    case "validate":
      return await validate(file ?? paths.configFile, context, options);
    case "accept":
      return await accept(file, paths, context);
    case "show":
      return show(redactConfig(readRawConfig(paths.configFile), await describeWorkers(options)), context);
    default:
      context.out.json(wholeSchema(await describeWorkers(options)));
      return EXIT.done;
  }
}

/** The whole, or what is at a path: a text as it is, anything else as JSON. */
function show(config: unknown, { out, args: [, path], flags }: CommandContext): ExitStatus {
  const value = valueAt(config, path, "the configuration");
  if (typeof value === "string" && flags["json"] !== true) out.print(value);
  else out.json(value);
  return EXIT.done;
}

async function validate(
  file: string,
  { out, flags }: CommandContext,
  options: Parameters<typeof checkConfig>[1],
): Promise<ExitStatus> {
  try {
    const mayBeEarlier = isForUpdate(options.paths);
    const { config, warnings: unsaid } = await checkConfig(file, { ...options, mayBeEarlier });
    const warnings = [...unsaid, ...storageWarnings(config.storage, options.paths)];
    const enabled = Object.entries(config.procedures).filter(([, entry]) => entry.enabled).map(([name]) =>
      name
    );
    if (flags["json"] === true) {
      out.json({ valid: true, file, faults: [], warnings, enabled_procedures: enabled });
    } else {
      out.print(
        `${file} is valid: revision ${config.general.config_revision}, procedures ${enabled.join(", ")}`,
      );
      for (const warning of warnings) out.note(`ivy: warning: ${warning}`);
    }
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof ConfigError) || flags["json"] !== true) throw error;
    out.json({ valid: false, file, faults: error.faults });
    return EXIT.invalidConfiguration;
  }
}

/** An earlier version asks so, from its staging folder, whether it may hand over to this one. */
function isForUpdate({ root }: Paths): boolean {
  return basename(dirname(root)) === "staging";
}

/** A person on the node allows one configuration to take secrets where they have not gone so far. */
async function accept(
  wanted: string | undefined,
  paths: Paths,
  { out }: CommandContext,
): Promise<ExitStatus> {
  if (wanted === undefined || !/^\d{1,10}$/.test(wanted)) {
    throw new CommandError(
      "config accept: expected the number of a revision; see: ivy help config",
      EXIT.wrongUsage,
    );
  }
  const revision = Number(wanted);
  const body = JSON.stringify({ revision });
  const response = await requestAgent(paths.socket, "POST", "/v1/config/accept", { body });
  const answer = response === undefined ? allowRefused(paths, revision) : await response.json();
  if (answer.error !== undefined) throw new CommandError(answer.error);
  out.print(`configuration ${revision} is allowed, though it was rejected: ${answer.reason}`);
  out.print(
    response === undefined ? "it is taken when the node starts" : "it is tried now; see: ivy logs -f",
  );
  return EXIT.done;
}

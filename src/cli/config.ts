// Runs in: main thread.
import { checkConfig, describeWorkers } from "../agent/config_check.ts";
import { ConfigError, readRawConfig, redactConfig, wholeSchema } from "../agent/configuration.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import { pathsOf, refuseOtherVersion } from "../agent/paths.ts";
import { storageWarnings } from "../agent/storage_warnings.ts";
import type { CommandContext } from "./command.ts";
import { valueAt } from "./state_path.ts";

/** `ivy config validate [FILE] | show [PATH] | schema` */
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
    const { config } = await checkConfig(file, options);
    const warnings = storageWarnings(config.storage, options.paths);
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

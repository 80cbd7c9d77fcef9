// Runs in: build time.
import { fromFileUrl } from "@std/path";
import type { JsonSchema } from "../shared/secrets.ts";
import { complaint, runCommand } from "./command.ts";
import { renderReference } from "./config_tables.ts";

const PROJECT = fromFileUrl(new URL("../../", import.meta.url));

export const REFERENCE_FILE = `${PROJECT}config/README.md`;
export const REFERENCE_COMMAND = "deno task config-readme";

/**
 * The text of `config/README.md`: what main and each procedure and backend say of their settings.
 *
 * @throws {Error} with what Deno said.
 */
export async function createReference(): Promise<string> {
  const schema = await run(["run", "--quiet", "--allow-all", "main.ts", "config", "schema"]);
  const text = renderReference(JSON.parse(schema) as JsonSchema);
  const file = await Deno.makeTempFile({ suffix: ".md" });
  try {
    await Deno.writeTextFile(file, text);
    await run(["fmt", "--quiet", "--config", "deno.json", file]);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}

async function run(args: string[]): Promise<string> {
  const result = await runCommand([Deno.execPath(), ...args], { cwd: PROJECT });
  if (!result.success) throw new Error(complaint(result));
  return result.stdout;
}

if (import.meta.main) await Deno.writeTextFile(REFERENCE_FILE, await createReference());

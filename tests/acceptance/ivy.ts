// Runs in: acceptance tests, on the device too.
import { fromFileUrl } from "@std/path";

/** What a run of the program printed, and how it ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The words that start the Ivy under test: what `ivy test` says, `$IVY_BINARY`, or the sources. */
function command(): [string, ...string[]] {
  const given = Deno.env.get("IVY_COMMAND");
  if (given !== undefined) return JSON.parse(given);
  const binary = Deno.env.get("IVY_BINARY");
  if (binary !== undefined) return [binary];
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--allow-all",
    fromFileUrl(new URL("../../main.ts", import.meta.url)),
  ];
}

/** Runs the Ivy under test to its end. */
export async function ivy(...args: string[]): Promise<Ended> {
  const [program, ...first] = command();
  const output = await new Deno.Command(program, { args: [...first, ...args], stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
}

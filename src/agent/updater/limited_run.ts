// Runs in: main thread.
import { join } from "@std/path";
import { exists } from "../paths.ts";

/** How a program ended; 124 = its time was up. */
export interface LimitedRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program for a limited time; then it and all that it has started is ended. */
export async function runLimited(
  command: string[],
  environment: Record<string, string>,
  limitSeconds: number,
): Promise<LimitedRun> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["-k", "5", String(limitSeconds), ...command],
    env: { ...environment, NO_COLOR: "1" },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The path of a program; undefined when there is none. */
export function findOnPath(program: string, { PATH = "" }: Record<string, string>): string | undefined {
  return PATH.split(":").filter((folder) => folder !== "").map((folder) => join(folder, program)).find(
    exists,
  );
}

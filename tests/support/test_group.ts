// Runs in: tests.

/** What a group of tests came to. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Names of the skipped tests. */
  skippedNames: string[];
}

export interface GroupOptions {
  files: string[];
  /** Whether test files may run at the same time. */
  parallel: boolean;
  env: Record<string, string>;
  /** Where to put V8's coverage profiles; by default none are made. */
  coverageFolder: string | undefined;
}

/** Runs test files with the running Deno, and passes on what it prints while it runs. */
export async function runGroup({ files, parallel, env, coverageFolder }: GroupOptions): Promise<Counts> {
  const options = ["--quiet", "--allow-all", "--no-check", ...(parallel ? ["--parallel"] : [])];
  if (coverageFolder !== undefined) options.push("--coverage-raw-data-only", `--coverage=${coverageFolder}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...options, ...files],
    env: {
      ...env,
      ...(Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
    },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = await passOn(child.stdout);
  return countTests(output, (await child.status).success);
}

async function passOn(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const writer = Deno.stdout.writable.getWriter();
  let text = "";
  for await (const chunk of stream) {
    await writer.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  writer.releaseLock();
  return text;
}

/**
 * Reads the summary of `deno test`. A run that breaks off, or fails without a failed test, counts as one failure.
 *
 * @param output all that it printed on stdout, coloured or not
 */
export function countTests(output: string, success: boolean): Counts {
  // deno-lint-ignore no-control-regex -- colours begin with the control character ESC
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const summary = plain.matchAll(
    /^(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/gm,
  );
  const [, passed = "0", failed = "0", skipped = "0"] = [...summary].at(-1) ?? [];
  const skippedNames = [...plain.split("\n ERRORS \n")[0]!.matchAll(/^(\S.*) \.\.\. ignored/gm)].map((
    [, name],
  ) => name!);
  const unexplained = !success && Number(failed) === 0 ? 1 : 0;
  return {
    passed: Number(passed),
    failed: Number(failed) + unexplained,
    skipped: Number(skipped),
    skippedNames,
  };
}

// Runs in: tests.

/** What a group of tests came to. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** Names of the skipped tests. */
  skippedNames: string[];
}

export interface RunOptions {
  env: Record<string, string>;
  /** Where to put V8's coverage profiles; by default none are made. */
  coverageFolder: string | undefined;
}

/** Longest run of one process, in milliseconds; one that hangs is ended and counts as a failure. */
const LIMIT_MS = 12 * 60_000;
const NIGHTLY_LIMIT_MS = 8 * 3_600_000;

/** Runs test files side by side in one process, and passes on what it prints while it runs. */
export async function runTogether(files: string[], options: RunOptions): Promise<Counts> {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  return await runTests(["--parallel", ...files], options, async (stream) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of stream) {
      writeAll(chunk);
      text += decoder.decode(chunk, { stream: true });
    }
    return text;
  });
}

/**
 * Runs each test file in a process of its own, `atOnce` of them at a time, so that none can disturb another's threads,
 * or end another by an error that nobody caught. What a file prints is passed on when it is done.
 */
export async function runEachAlone(files: string[], atOnce: number, options: RunOptions): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  const queue = [...files];
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      addCounts(
        total,
        await runTests([file], options, async (stream) => {
          const text = await new Response(stream).text();
          writeAll(new TextEncoder().encode(text));
          return text;
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return total;
}

export function addCounts(total: Counts, more: Counts): void {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
  total.skippedNames.push(...more.skippedNames);
}

async function runTests(
  args: string[],
  { env, coverageFolder }: RunOptions,
  read: (stream: ReadableStream<Uint8Array>) => Promise<string>,
): Promise<Counts> {
  const options = ["--quiet", "--allow-all", "--no-check"];
  if (coverageFolder !== undefined) options.push("--coverage-raw-data-only", `--coverage=${coverageFolder}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...options, ...args],
    env: {
      ...env,
      ...(Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
    },
    stdin: "null",
    stdout: "piped",
    signal: AbortSignal.timeout(env["IVY_NIGHTLY"] === "1" ? NIGHTLY_LIMIT_MS : LIMIT_MS),
  }).spawn();
  const output = await read(child.stdout);
  return countTests(output, (await child.status).success);
}

function writeAll(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
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

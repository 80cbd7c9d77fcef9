// Runs in: main thread.
import { requestAgent } from "../agent/control_client.ts";
import { selfTestProcedure } from "../agent/config_check.ts";
import { ConfigError, knownNames, readConfig } from "../agent/configuration.ts";
import { CommandError, EXIT, type ExitStatus } from "../agent/errors.ts";
import type { Parts } from "../agent/parts.ts";
import { type Paths, pathsOf, refuseOtherVersion } from "../agent/paths.ts";
import { storageWarnings } from "../agent/storage_warnings.ts";
import { programCommand } from "../agent/program.ts";
import { probeStore } from "../agent/store_probe.ts";
import { sentenceOf } from "../shared/errors.ts";
import { didYouMean } from "../shared/nearest.ts";
import type { CommandContext } from "./command.ts";
import { type Output, paint } from "./output.ts";

interface AcceptanceTest {
  name: string;
  fn: () => void | Promise<void>;
}

/** The same files that `deno test` runs; a fork adds its own lines. */
const ACCEPTANCE_TESTS = [import.meta.resolve("../../tests/acceptance/node.test.ts")];

/** `ivy test [--config FILE] [--procedure NAME]` */
export default async function test(context: CommandContext): Promise<ExitStatus> {
  const paths = pathsOf(context.root);
  if (context.flags["config"] === undefined) refuseOtherVersion(paths);
  const configFile = context.flags["config"] as string | undefined ?? paths.configFile;
  const procedure = context.flags["procedure"] as string | undefined;
  if (procedure !== undefined) return await testProcedure(procedure, configFile, paths, context);
  Deno.env.set("IVY_ROOT", context.root);
  Deno.env.set("IVY_CONFIG", configFile);
  Deno.env.set("IVY_COMMAND", JSON.stringify(programCommand()));
  const tests = [...await collectTests(), storeTest(paths, await context.parts())];
  const status = await runAll(tests, context.out);
  for (const warning of await warningsOf(configFile, paths, context)) {
    context.out.note(`ivy: warning: ${warning}`);
  }
  return status;
}

/** What does not fit this device and keeps no test from passing. */
async function warningsOf(file: string, paths: Paths, context: CommandContext): Promise<string[]> {
  try {
    return storageWarnings(readConfig(file, knownNames(await context.parts())).config.storage, paths);
  } catch (error) {
    if (error instanceof ConfigError) return []; // a test has said what is wrong with it
    throw error;
  }
}

/** Main may write where the store, in its sandbox, may not. */
function storeTest(paths: Paths, parts: Parts): AcceptanceTest {
  return {
    name: "the store can write in its sandbox",
    async fn() {
      const problem = await probeStore(paths, parts);
      if (problem !== undefined) throw new Error(problem);
    },
  };
}

/** Runs one procedure's self-test; if the agent runs, its own worker of that procedure is paused meanwhile. */
async function testProcedure(
  name: string,
  file: string,
  paths: Paths,
  context: CommandContext,
): Promise<ExitStatus> {
  const { procedures, backends } = await context.parts();
  const names = Object.keys(procedures);
  if (!names.includes(name)) {
    throw new CommandError(
      `there is no procedure "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
    );
  }
  const loaded = readConfig(file, knownNames({ procedures, backends }));
  const hangUp = new AbortController();
  const pausing = await requestAgent(paths.socket, "POST", `/v1/pause_procedure?name=${name}`, {
    signal: hangUp.signal,
  });
  await pausing?.body?.getReader().read();
  try {
    const faults = await selfTestProcedure(name, loaded, {
      procedures,
      backends,
      paths,
      environment: context.environment,
    });
    for (const fault of faults) context.out.note(`ivy: ${fault}`);
    if (faults.length === 0) context.out.print(`${name} is well`);
    return faults.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    hangUp.abort();
  }
}

/** Loads the test files with a `Deno.test` that only notes what they define. */
async function collectTests(): Promise<AcceptanceTest[]> {
  const tests: AcceptanceTest[] = [];
  const define = (name: string, fn: AcceptanceTest["fn"]) => void tests.push({ name, fn });
  Object.defineProperty(Deno, "test", { value: define, configurable: true });
  for (const url of ACCEPTANCE_TESTS) await import(url);
  return tests;
}

async function runAll(tests: AcceptanceTest[], out: Output): Promise<ExitStatus> {
  let failed = 0;
  for (const { name, fn } of tests) {
    const startMs = performance.now();
    const problem = await Promise.resolve().then(fn).then(() => undefined, sentenceOf);
    const time = paint.dim(`(${Math.round(performance.now() - startMs)} ms)`);
    out.print(`${problem === undefined ? paint.green("✓") : paint.red("✗")} ${name} ${time}`);
    if (problem === undefined) continue;
    failed++;
    out.print(problem.replaceAll(/^/gm, "    "));
  }
  out.print(`${tests.length - failed} passed, ${failed} failed`);
  return failed === 0 ? EXIT.done : EXIT.failed;
}

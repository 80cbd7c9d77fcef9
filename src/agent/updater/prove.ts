// Runs in: main thread.
import { dirname, join } from "@std/path";
import { endOfText } from "../../shared/text.ts";
import { findOnPath, runLimited } from "./limited_run.ts";

/** How long each step may take, in seconds. */
const INFO_LIMIT_SECONDS = 60;
const TEST_LIMIT_SECONDS = 300;

export interface ProofOptions {
  /** The new binary, and the configuration that it is to run with. */
  binary: string;
  configFile: string;
  version: string;
  /** A folder of its own, which is created; the node's own data is never touched. */
  scratch: string;
  /** The running agent's: procedures are paused through it while their equipment is tested. */
  socket: string;
  environment: Record<string, string>;
  /** The release's acceptance tests as JavaScript, and a Deno to run them with; both or the binary's own tests. */
  acceptanceFile: string | undefined;
  denoPath: string | null;
  testLimitSeconds?: number;
  /** For `info` and `config validate`; default 60. */
  infoLimitSeconds?: number;
}

/**
 * Lets a new version prove that it can work on this device, while the old one measures on.
 *
 * @returns why it cannot; undefined when it can.
 */
export async function prove(options: ProofOptions): Promise<string | undefined> {
  for (const folder of ["data", "control"]) { // version 0.1 looks for the agent in the first
    Deno.mkdirSync(join(options.scratch, folder), { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(join(options.scratch, folder, "run.lock"), "");
    Deno.symlinkSync(options.socket, join(options.scratch, folder, "ivy.sock"));
  }
  return await refuseOtherProgram(options) ?? await refuseConfig(options) ?? await refuseFailedTests(options);
}

async function refuseOtherProgram(options: ProofOptions) {
  const { binary, version, scratch, environment, infoLimitSeconds = INFO_LIMIT_SECONDS } = options;
  const { code, stdout, stderr } = await runLimited(
    [binary, "info", "--json", "--root", scratch],
    environment,
    infoLimitSeconds,
  );
  const facts = parse(stdout);
  if (code !== 0 || typeof facts["software_version"] !== "string") {
    return `the new binary cannot be executed here: ${tail(stderr) || describeEnd(code)}`;
  }
  if (facts["software_version"] !== version) {
    return `the new binary says that it is version ${facts["software_version"]}, not ${version}`;
  }
  if (facts["target"] !== Deno.build.target) {
    return `the new binary is for ${facts["target"]}, not ${Deno.build.target}`;
  }
  return undefined;
}

async function refuseConfig(options: ProofOptions) {
  const { binary, configFile, scratch, environment, infoLimitSeconds = INFO_LIMIT_SECONDS } = options;
  const { code, stdout, stderr } = await runLimited(
    [binary, "config", "validate", configFile, "--json", "--root", scratch],
    environment,
    infoLimitSeconds,
  );
  if (code === 0) return undefined;
  const { faults } = parse(stdout);
  const found = Array.isArray(faults) ? faults.join("; ") : tail(stderr) || describeEnd(code);
  return `the configuration is not valid for the new version: ${found}`;
}

async function refuseFailedTests(options: ProofOptions) {
  const { binary, configFile, scratch, environment, testLimitSeconds = TEST_LIMIT_SECONDS } = options;
  const deno = options.acceptanceFile === undefined
    ? undefined
    : options.denoPath ?? findOnPath("deno", environment);
  const command = deno === undefined
    ? [binary, "test", "--config", configFile, "--root", scratch] as const
    : [deno, "test", "--quiet", "--no-config", "--no-lock", "--allow-all", options.acceptanceFile!] as const;
  const { code, stdout, stderr } = await runLimited([...command], {
    ...environment,
    IVY_COMMAND: JSON.stringify([binary]),
    IVY_CONFIG: configFile,
    IVY_ROOT: scratch,
    ...(deno === undefined ? {} : { DENO_DIR: join(dirname(scratch), "deno") }),
  }, testLimitSeconds);
  if (code === 0) return undefined;
  if (code === TIME_IS_UP) return `the acceptance tests were not over within ${testLimitSeconds} s`;
  return `acceptance tests failed: ${tail(`${stdout}\n${stderr}`)}`;
}

/** What `timeout` ends with. */
const TIME_IS_UP = 124;
const MAX_TAIL_LENGTH = 1500;

function describeEnd(code: number): string {
  return code === TIME_IS_UP || code === 137
    ? "it did not end in time"
    : `it ended with ${code} and said nothing`;
}

function tail(text: string): string {
  return endOfText(text.trim(), MAX_TAIL_LENGTH).replaceAll(/\s*\n\s*/g, "; ");
}

function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json) ?? {};
  } catch {
    return {};
  }
}

// Runs in: tests.
import { join } from "@std/path";
import template from "../../config/config.template.json" with { type: "text" };
import { type Paths, pathsOf } from "../../src/agent/paths.ts";
import type { AgentStatus } from "../../src/agent/status.ts";
import { AgentProcess } from "./agent_process.ts";
import { environmentOf } from "./environment.ts";
import { readMessages, type StoredLine } from "./messages.ts";
import { type Program, shippedIvy } from "./program.ts";
import { untilFiles } from "./until_files.ts";

/** How a command ended, and what it printed. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
  tookMs: number;
}

export interface TestNodeOptions {
  /** Default: the Ivy that ships. */
  program?: Program;
  /** Procedures of the configuration, all enabled; default: the template's. */
  procedures?: Record<string, Record<string, unknown>>;
  /** Name of the root inside a temporary folder; default `root`. */
  rootName?: string;
  /** Where to make the temporary folder; default: where the system makes them. */
  folder?: string;
  /** Its processes write profiles where coverage is measured: a few tests are enough. Default: no. */
  covered?: boolean;
  env?: Record<string, string>;
}

/** A configuration that a test may spoil. */
export interface TestConfig {
  general: { config_revision: number; software_version: string; system_identifier: string };
  logging_verbosity: Record<"file_archive" | "console_prints" | "message_sending", string | null>;
  storage: Record<string, number | null>;
  procedures: Record<string, Record<string, unknown>>;
  [key: string]: unknown;
}

/** A node under test: a root of its own, and the program that works on it. Removes all when it is disposed of. */
export class TestNode implements AsyncDisposable {
  readonly root: string;
  readonly paths: Paths;
  #folder: string;
  #options: TestNodeOptions;

  constructor(options: TestNodeOptions = {}) {
    this.#options = options;
    const { folder: dir } = options;
    this.#folder = Deno.makeTempDirSync({ prefix: "ivy-node-", ...(dir === undefined ? {} : { dir }) });
    this.root = join(this.#folder, options.rootName ?? "root");
    this.paths = pathsOf(this.root);
    if (options.procedures !== undefined) this.configure(() => {});
  }

  /** Writes a configuration: the template, the node's procedures, all levels on the console, no page, and `change`. */
  configure(change: (config: TestConfig) => void): void {
    const config: TestConfig = JSON.parse(template);
    config.logging_verbosity.console_prints = "DEBUG";
    config["status_page"] = null; // nodes of other tests may have the port
    const { procedures } = this.#options;
    if (procedures !== undefined) {
      config.procedures = Object.fromEntries(
        Object.entries(procedures).map(([name, settings]) => [name, { enabled: true, ...settings }]),
      );
    }
    change(config);
    this.writeConfig(JSON.stringify(config, null, 2));
  }

  writeConfig(text: string): void {
    Deno.mkdirSync(join(this.paths.versionFolder, "config"), { recursive: true });
    Deno.writeTextFileSync(this.paths.configFile, text);
  }

  /** Starts `ivy run`. */
  run(...flags: string[]): AgentProcess {
    const { covered = false, env = {} } = this.#options;
    return new AgentProcess(this.#program, ["run", "--root", this.root, ...flags], env, covered);
  }

  /** Runs a command to its end. */
  async ivy(...args: string[]): Promise<Ended> {
    return await runIvy(this.#program, [...args, "--root", this.root], this.#options);
  }

  async status(): Promise<AgentStatus & { running: boolean }> {
    const { stdout, stderr } = await this.ivy("status", "--json");
    if (stdout === "") throw new Error(`ivy status printed nothing but ${stderr}`);
    return JSON.parse(stdout);
  }

  /** All stored messages, in the order of the daily files. */
  messages(): StoredLine[] {
    return readMessages(this.paths.messages);
  }

  /** Waits until the daily files hold what `look` looks for. */
  async untilMessages<T>(
    what: string,
    look: (messages: StoredLine[]) => T | undefined,
    deadlineMs = 45_000,
  ): Promise<T> {
    return await untilFiles(this.root, () => Promise.resolve(look(this.messages())), { deadlineMs, what });
  }

  /** The daily log files, one after the other. */
  logText(): string {
    const files = [...Deno.readDirSync(this.paths.logs)].map(({ name }) => name);
    return files.filter((name) => /^\d.*\.log$/.test(name)).sort()
      .map((name) => Deno.readTextFileSync(join(this.paths.logs, name))).join("");
  }

  get #program(): Program {
    return this.#options.program ?? shippedIvy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** A command that takes longer is ended, in milliseconds. */
const COMMAND_LIMIT_MS = 90_000;

/** Runs any command line to its end. */
export async function runIvy(
  [first, ...rest]: Program,
  args: string[],
  { covered = false, env = {} }: Pick<TestNodeOptions, "covered" | "env"> = {},
): Promise<Ended> {
  const startMs = performance.now();
  const output = await new Deno.Command(first, {
    args: [...rest, ...args],
    env: { ...environmentOf({ covered }), ...env },
    stdin: "null",
    signal: AbortSignal.timeout(COMMAND_LIMIT_MS),
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
    tookMs: performance.now() - startMs,
  };
}

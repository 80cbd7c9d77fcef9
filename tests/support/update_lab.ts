// Runs in: tests.
import { fromFileUrl, join } from "@std/path";
import { pathsOf } from "../../src/agent/paths.ts";
import { makeRelease } from "../../src/build/release.ts";
import { ignoreMissing } from "../../src/build/files.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { createKeys, signBytes } from "../../src/shared/signatures.ts";
import { AgentProcess } from "./agent_process.ts";
import { compiledIvy } from "./binary.ts";
import { killBelow } from "./kill_below.ts";
import { orSkip, skipBecause } from "./needs.ts";
import { readMessages, type StoredLine } from "./messages.ts";
import { type Ended, runIvy, type TestConfig } from "./node.ts";
import { isCompiled, shippedIvy } from "./program.ts";
import { ReleaseServer, type ReleaseServerOptions } from "./release_server.ts";
import { until } from "./until.ts";

export const OLD = "1.2.3";
export const NEW = "4.5.6";

/** The module that starts, in every version. */
export const ENTRY = fromFileUrl(new URL("./update_main.ts", import.meta.url));

/** The two compiled versions; undefined where the tests that need them are skipped, for a reason that is noted. */
export async function twoVersions(): Promise<{ old: string; next: string } | undefined> {
  if (isCompiled) {
    skipBecause("updates compile binaries of their own: they are tested once, beside the sources");
    return undefined;
  }
  const [old, next] = [
    compiledIvy({ entry: ENTRY, version: OLD }),
    compiledIvy({ entry: ENTRY, version: NEW }),
  ];
  return await orSkip(Promise.all([old, next]).then(([old, next]) => ({ old, next })));
}

/** A node with the old version, a server with a release of the new one, and somebody who restarts what ends. */
export class UpdateLab implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-update-" });
  readonly root = join(this.folder, "root");
  readonly web = join(this.folder, "web");
  readonly launcher = join(this.root, "ivy");
  server!: ReleaseServer;
  keys!: { privatePem: string; publicKey: string };
  /** Every life of the agent. */
  readonly lives: AgentProcess[] = [];
  #env: Record<string, string>;
  #supervising: Promise<void> = Promise.resolve();
  #isEnding = false;

  private constructor(env: Record<string, string>) {
    this.#env = env;
  }

  static async open(
    { old, version = OLD, env = {}, configure = () => {}, server = {} }: {
      old: string;
      /** What the old one calls itself. */
      version?: string;
      env?: Record<string, string>;
      configure?: (config: TestConfig) => void;
      server?: Omit<ReleaseServerOptions, "folder">;
    },
  ): Promise<UpdateLab> {
    const lab = new UpdateLab({ PATH: "/usr/bin:/bin", ...env });
    lab.keys = await createKeys();
    Deno.mkdirSync(lab.web);
    lab.server = new ReleaseServer({ folder: lab.web, ...server });
    Deno.mkdirSync(lab.root);
    Deno.linkSync(old, lab.launcher);
    await runIvy([lab.launcher], ["init", "--root", lab.root]);
    const file = lab.configFile(version);
    const config = JSON.parse(Deno.readTextFileSync(file)) as TestConfig;
    config["status_page"] = null; // nodes of other tests may have the port
    config.logging_verbosity.console_prints = "DEBUG";
    config.procedures = { metronome: { enabled: true } };
    config["updater"] = {
      provider: "http",
      base_url: lab.server.url,
      public_keys: [lab.keys.publicKey],
      probation_seconds: 3,
    };
    configure(config);
    Deno.writeTextFileSync(file, JSON.stringify(config));
    return lab;
  }

  configFile(version: string): string {
    return pathsOf(this.root, version).configFile;
  }

  get config(): TestConfig {
    return JSON.parse(Deno.readTextFileSync(join(this.root, "current", "config", "config.json")));
  }

  get active(): string {
    return Deno.readLinkSync(join(this.root, "current"));
  }

  /** Puts a signed release of a binary on the server. `acceptance`: null = the real acceptance tests, bundled. */
  async publish(
    binary: string,
    { version = NEW, serial = 7, acceptance = "// none" }: {
      version?: string;
      serial?: number;
      acceptance?: string | null;
    } = {},
  ): Promise<void> {
    const output = join(this.web, version);
    await Deno.remove(output, { recursive: true }).catch(ignoreMissing);
    const tests = acceptance === null ? {} : { acceptance };
    await makeRelease({ binaries: { [Deno.build.target]: binary }, output, version, serial, ...tests });
    await this.sign(version);
  }

  async sign(version: string): Promise<void> {
    const folder = join(this.web, version);
    const line = await signBytes(Deno.readFileSync(join(folder, SUMS_NAME)), this.keys.privatePem);
    Deno.writeTextFileSync(join(folder, SIGNATURES_NAME), `${line}\n`);
  }

  /** Starts the launcher again whenever the agent ends, as systemd would. */
  supervise(): void {
    this.#supervising = (async () => {
      while (!this.#isEnding) {
        const life = new AgentProcess([this.launcher], ["run"], this.#env, false);
        this.lives.push(life);
        await life.ended(Infinity);
      }
    })();
  }

  /** All that the agents have printed. */
  get log(): string {
    return this.lives.map(({ log }) => log.text).join("");
  }

  /** @param after Offset in {@link log} from which to look. */
  async untilLog(pattern: RegExp, limitMs = 120_000, after = 0): Promise<void> {
    const log = () => this.log.slice(after);
    await until(() => `${pattern} in the log:\n${log()}`, () => pattern.test(log()), limitMs);
  }

  /** A command of this version; the agent that it talks to may be of another. */
  async ivy(...args: string[]): Promise<Ended> {
    return await runIvy(shippedIvy(), [...args, "--root", this.root], { covered: true, env: this.#env });
  }

  messages(): StoredLine[] {
    return readMessages(pathsOf(this.root).messages);
  }

  /** Ends whoever runs, and keeps it from being started again. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    const life = this.lives.at(-1);
    if (life !== undefined) await life.stop().catch(() => life.kill());
    await this.#supervising;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    for (const life of this.lives) await life.kill();
    await killBelow(this.folder); // what was started in the background
    await this.#supervising;
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

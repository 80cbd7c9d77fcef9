// Runs in: tests.
import { join } from "@std/path";
import { ignoreMissing } from "../../src/build/files.ts";
import { exists } from "../../src/agent/paths.ts";
import type { AgentProcess } from "../support/agent_process.ts";
import { type TestConfig, TestNode } from "../support/node.ts";
import type { Program } from "../support/program.ts";
import { SmallDisk } from "../support/small_disk.ts";
import { findFaults } from "../support/store_oracle.ts";
import type { DayLine } from "../support/stored_days.ts";
import { until } from "../support/until.ts";
import { daysIn, Oracle } from "./oracle.ts";
import { type Provider, type Recorder, startRecorder, SYSTEM } from "./recorders.ts";

export const WITNESSES = ["witness_1", "witness_2", "witness_3"] as const;
export type Witness = typeof WITNESSES[number];

/** Stands in the configuration, and may stand nowhere else. */
const SECRET = "do-not-tell-8431";
const DISK_BYTES = 96_000_000;
const DISK_FILES = 3000;
/** By then something new must have been acknowledged, whatever happened before: more than any backoff that a run can reach. */
const PROGRESS_MS = 60_000;
/** A backlog of a whole run must have been delivered by then. */
const DELIVERY_MS = 120_000;
/** Soon after it was acknowledged a measurement stands in its file. */
const FILES_MS = 15_000;
/** Silence of this length may no longer be called healthy. */
const SILENCE_MS = 45_000;

export interface WorldOptions {
  program: Program;
  providers: Provider[];
  /** The node's root is reached by a link. */
  isLinked: boolean;
  canMount: boolean;
}

/** One node with its servers, and what is known of it from outside. */
export class World implements AsyncDisposable {
  readonly oracle = new Oracle();
  readonly recorders: Recorder[];
  readonly node: TestNode;
  readonly disk: SmallDisk | undefined;
  /** Whether the agent's clock can be moved. */
  readonly fakesClock: boolean;
  /** By how much the agent's clock is ahead, in seconds. */
  #aheadS = 0;
  agent: AgentProcess | undefined;
  /** What keeps measurements from being acknowledged for now, because an operation wants it so. */
  readonly obstacles = new Set<string>();
  revision = 1;
  #folder: string;
  #story: string[] = [];
  #config: TestConfig;

  private constructor(
    { program, isLinked }: WorldOptions,
    recorders: Recorder[],
    disk: SmallDisk | undefined,
  ) {
    this.recorders = recorders;
    this.disk = disk;
    this.#folder = Deno.makeTempDirSync({ prefix: "ivy-torture-" });
    const real = join(disk?.path ?? this.#folder, "disk");
    Deno.mkdirSync(real);
    disk?.remount(`nr_inodes=${DISK_FILES}`);
    const link = join(this.#folder, "link");
    Deno.symlinkSync(real, link);
    const env = clockEnvironment(this.#clockFile);
    this.fakesClock = env !== undefined;
    this.moveClock(0);
    this.node = new TestNode({ program, folder: isLinked ? link : real, env: env ?? {} });
    for (const witness of WITNESSES) this.order(witness, "");
    this.#config = this.#firstConfig();
    this.node.writeConfig(JSON.stringify(this.#config));
  }

  static async start(options: WorldOptions): Promise<World> {
    const recorders = await Promise.all(options.providers.map(startRecorder));
    const world = new World(options, recorders, options.canMount ? new SmallDisk(DISK_BYTES) : undefined);
    await world.startAgent();
    return world;
  }

  #firstConfig(): TestConfig {
    let config: TestConfig | undefined;
    this.node.configure((fresh) => config = fresh);
    Object.assign(config!.general, { config_revision: 1, system_identifier: SYSTEM });
    Object.assign(config!.logging_verbosity, { message_sending: "ERROR" });
    config!.storage = { min_free_mb: 0 };
    config!.procedures = Object.fromEntries(WITNESSES.map((name, index) => [name, {
      enabled: index < 2,
      seconds: 0.02,
      at_once: 10,
      orders: this.#orders(name),
      mood: "good",
    }]));
    config!["backends"] = this.recorders.map(({ provider, server: { settings } }, index) => {
      const connection = settings["mqtt_connection"] as Record<string, unknown> | undefined;
      return {
        provider,
        configures: index === 0,
        ...settings,
        ...(connection === undefined || "username" in connection ? {} : {
          mqtt_connection: { ...connection, username: "node", password: SECRET, keep_alive_seconds: 5 },
        }),
      };
    });
    return config!;
  }

  /** The configuration that was written or sent last, to be changed. */
  get config(): TestConfig {
    return structuredClone(this.#config);
  }

  /** Takes a configuration for the last one, from now on. */
  remember(config: TestConfig): void {
    this.#config = config;
  }

  /** Tells a witness what to do; see witness.ts. */
  order(witness: Witness, text: string): void {
    const file = this.#orders(witness);
    Deno.mkdirSync(join(file, ".."), { recursive: true });
    Deno.writeTextFileSync(file, text);
  }

  get #clockFile(): string {
    return join(this.#folder, "clock");
  }

  /** Moves the agent's clock on, or back; the monotonic one does not notice. The agent sees it within a second. */
  moveClock(seconds: number): void {
    this.#aheadS += seconds;
    Deno.writeTextFileSync(this.#clockFile, `${this.#aheadS < 0 ? "" : "+"}${this.#aheadS}`);
  }

  /** The agent's time, in Unix seconds. */
  get nowS(): number {
    return Math.floor(Date.now() / 1000) + this.#aheadS;
  }

  #orders(witness: Witness): string {
    return join(this.#folder, witness, "orders");
  }

  /** Notes for the last line of a failing run. */
  tell(line: string): void {
    this.#story.push(line);
  }

  async startAgent(): Promise<void> {
    this.agent = this.node.run();
    await this.agent.ready();
  }

  /** Waits for the end of an agent that was told to end or killed, and hears it out. */
  async ended(): Promise<{ code: number; signal: string | null }> {
    const agent = this.agent!;
    this.agent = undefined;
    const end = await agent.ended();
    this.oracle.listen(agent);
    return end;
  }

  /** @throws {Error} with all faults that are seen now */
  async check(): Promise<void> {
    await this.#progress();
    const faults = [...await this.#faultsOfFiles(), ...await this.#faultsOfStatus()];
    if (faults.length > 0) this.fail(faults);
  }

  fail(faults: string[]): never {
    const log = this.agent?.log.text.split("\n").slice(-30).join("\n") ?? "";
    throw new Error(
      `${faults.join("\n")}\nstory: ${this.#story.join("; ")}\nthe agent's last lines:\n${log}`,
    );
  }

  /** What the node prints or sends must not hold its secret. */
  judgeText(what: string, text: string): void {
    if (text.includes(SECRET)) this.fail([`a secret stands in what ${what} prints`]);
  }

  /** Something new is acknowledged, when nothing is meant to keep it from that. */
  async #progress(): Promise<void> {
    const { agent, oracle } = this;
    if (agent === undefined) return;
    oracle.listen(agent);
    if (this.obstacles.size > 0) return;
    const before = oracle.resolved.size;
    await until("a measurement is acknowledged", () => {
      oracle.listen(agent);
      return oracle.resolved.size > before;
    }, PROGRESS_MS).catch((error) => this.fail([error.message]));
  }

  /** What is acknowledged is in the outbox; an agent that runs has it in a daily file soon after. */
  async #faultsOfFiles(): Promise<string[]> {
    if (this.agent === undefined) return [];
    const resolved = [...this.oracle.resolved];
    let faults: string[] = [];
    await until("the daily files are complete", () => {
      faults = this.oracle.faultsOfFiles(this.node.paths.messages, resolved);
      return faults.length === 0 || this.obstacles.size > 0;
    }, FILES_MS).catch(() => {});
    return this.obstacles.size > 0 ? [] : faults;
  }

  async #faultsOfStatus(): Promise<string[]> {
    if (this.agent === undefined || this.obstacles.has("paused")) return [];
    if (performance.now() - this.oracle.lastResolvedMs < SILENCE_MS) return [];
    const { verdict } = await this.node.status();
    return verdict.well
      ? [`nothing was acknowledged for ${SILENCE_MS / 1000} s, and status says that all is well`]
      : [];
  }

  /** Takes every trouble away, and judges what has become of all that was promised. */
  async finish(): Promise<void> {
    for (const heal of this.#heals.values()) await heal();
    for (const { server } of this.recorders) {
      server.failBeside(null);
      server.holdAnswers(false);
      await server.up();
    }
    if (this.agent === undefined) await this.startAgent();
    await this.#progress();
    const wanted = [...this.oracle.resolved];
    const excused = new Map<Provider, number>();
    for (const recorder of this.recorders) {
      const { provider } = recorder;
      const lacks = () => this.oracle.faultsAt(recorder, wanted, excused.get(provider) ?? 0);
      await until(() => `${provider} has all`, async () => {
        if (lacks().length === 0) return true;
        const { messages } = (await this.node.status()).backends[provider] ?? {};
        excused.set(provider, (messages?.dropped ?? 0) + (messages?.parked ?? 0));
        return lacks().length === 0;
      }, DELIVERY_MS).catch((error) => this.fail([error.message, ...lacks()]));
    }
    const { agent } = this;
    const text = agent!.log.text + (exists(this.node.paths.logs) ? this.node.logText() : "");
    agent!.signal("SIGTERM");
    const { code } = await this.ended();
    const faults = this.oracle.faultsOfFiles(this.node.paths.messages, [...this.oracle.resolved]);
    if (code !== 0) faults.push(`the agent ended with ${code}`);
    if (text.includes(SECRET)) faults.push("a secret stands in the log");
    if (this.oracle.taken.size === 0) faults.push(...findFaults(this.node.paths.data, { acknowledged: [] }));
    if (faults.length > 0) this.fail(faults);
  }

  #heals = new Map<string, () => Promise<void> | void>();

  /** An operation makes a trouble that lasts; `heal` takes it away, at the end at the latest. */
  trouble(name: string, heal: () => Promise<void> | void): void {
    this.obstacles.add(name);
    this.#heals.set(name, async () => {
      this.obstacles.delete(name);
      this.#heals.delete(name);
      await heal();
    });
  }

  async heal(name: string): Promise<void> {
    await this.#heals.get(name)?.();
  }

  /** Moves a file or folder of the node out of its way, and takes note of the lines that it held then. */
  takeAway(path: string): void {
    const place = join(path, "..", `.taken-${crypto.randomUUID()}`);
    try {
      Deno.renameSync(path, place);
    } catch (error) {
      return ignoreMissing(error);
    }
    this.oracle.take(Deno.statSync(place).isDirectory ? daysIn(place).lines : linesOfFile(place));
    Deno.removeSync(place, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.agent !== undefined) {
      this.agent.signal("SIGCONT");
      await this.agent.kill();
    }
    for (const heal of [...this.#heals.values()]) await heal();
    this.disk?.remount("rw");
    for (const { server } of this.recorders) await server[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    this.disk?.[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** What makes a process believe the clock that a file tells; undefined where libfaketime is missing. */
function clockEnvironment(file: string): Record<string, string> | undefined {
  const library = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;
  if (!exists(library)) return undefined;
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: "1",
    DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
}

function linesOfFile(path: string): DayLine[] {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.copyFileSync(path, join(folder, `2000-01-01.jsonl${path.endsWith(".gz") ? ".gz" : ""}`));
    return daysIn(folder).lines;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

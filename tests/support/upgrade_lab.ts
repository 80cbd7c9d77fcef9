// Runs in: tests.
import { join } from "@std/path";
import { pathsOf } from "../../src/agent/paths.ts";
import { version as NEXT } from "../../src/shared/version.ts";
import { acknowledgedIn, fillEarlierDays, FIRST, type FirstVersion } from "./first_version.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";
import { type MqttObserver, observe } from "./mqtt_observer.ts";
import { type Ended, runIvy } from "./node.ts";
import { shippedIvy } from "./program.ts";
import { type DayLine, readDays } from "./stored_days.ts";
import { startTcpProxy, type TcpProxy } from "./tcp_proxy.ts";
import { startThingsboard, type ThingsboardServer } from "./thingsboard_server.ts";
import { until } from "./until.ts";
import { UpdateLab } from "./update_lab.ts";
import { faultsAtBroker } from "./upgrade_oracle.ts";

const LIMITS = { maxPayloadSize: 65_536, maxInflightMessages: 100, rateLimits: {} };
const PROVISIONING = { device_key: "key", device_secret: "secret" };
/** With the 2 s that a start may hang beyond it, the launcher ends one after 15 s. */
const PROBATION_SECONDS = 9;

/**
 * Whose command: the active version's, by the launcher, as people and cron call it; the first version's; this version's,
 * be it the active one or not, as a binary or from its sources.
 */
export type Whose = "active" | "first" | "next" | "sources";

/** A node that the first version made, and the two servers that it sends to. */
export class UpgradeLab implements AsyncDisposable {
  readonly lab: UpdateLab;
  /** Where measurements arrive, behind a proxy that plays dead; and who listens there all the time. */
  readonly broker: Mosquitto;
  readonly wire: TcpProxy;
  readonly observer: MqttObserver;
  /** It gives the node its credentials and its configurations. */
  readonly thingsboard: ThingsboardServer;
  /** How often the node has asked for credentials. */
  provisioned = 0;
  /** The launcher that goes back to the first version. */
  readonly firstLauncher: string;
  /** The broker has everything up to this id. */
  sentId = 0;
  #next: string;
  #acknowledgedEarlier: string[] = [];
  #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<UpgradeLab, "lab" | "broker" | "wire" | "observer" | "thingsboard"> & {
      next: string;
      resources: AsyncDisposableStack;
    },
  ) {
    this.lab = parts.lab;
    this.broker = parts.broker;
    this.wire = parts.wire;
    this.observer = parts.observer;
    this.thingsboard = parts.thingsboard;
    this.firstLauncher = Deno.readTextFileSync(parts.lab.launcher);
    this.#next = parts.next;
    this.#resources = parts.resources;
  }

  /** @param next The program of this version. */
  static async open(first: FirstVersion, next: string): Promise<UpgradeLab> {
    await using resources = new AsyncDisposableStack();
    const broker = resources.use(await startMosquitto({ lines: ["max_queued_messages 0"] }));
    const wire = resources.use(startTcpProxy({ target: broker }));
    const observer = resources.use(await observe(broker.port, "ivy/#"));
    let own: UpgradeLab | undefined = undefined;
    const thingsboard = resources.use(
      await startThingsboard({
        sessionLimits: LIMITS,
        settings: { provisioning: PROVISIONING },
        provision() {
          own!.provisioned++;
          return { status: "SUCCESS", credentialsType: "ACCESS_TOKEN", credentialsValue: "the node's own" };
        },
      }),
    );
    const lab = resources.use(
      await UpdateLab.open({
        old: first.binary,
        version: FIRST.version,
        configure(config) {
          config.general.config_revision = 1;
          config.logging_verbosity.message_sending = "INFO";
          config["backends"] = [
            { provider: "mqtt", mqtt_connection: { host: "127.0.0.1", port: wire.port } },
            { provider: "thingsboard", ...thingsboard.settings },
          ];
          config.procedures = {
            tells_1: { enabled: true, seconds: 0.25, at_once: 2 },
            system_checks: { enabled: true, seconds_between_checks: 1 },
          };
          Object.assign(config["updater"] as object, { probation_seconds: PROBATION_SECONDS });
        },
      }),
    );
    own = new UpgradeLab({ lab, broker, wire, observer, thingsboard, next, resources: resources.move() });
    const backends = ["mqtt", "thingsboard"];
    own.#acknowledgedEarlier = await fillEarlierDays(first, pathsOf(lab.root).data, backends);
    return own;
  }

  /** Runs a command to its end. */
  async ivy(whose: Whose, ...args: string[]): Promise<Ended> {
    const programs = {
      active: [this.lab.launcher],
      first: [join(this.lab.root, FIRST.version, "ivy")],
      next: [this.#next],
      sources: shippedIvy(),
    } as const;
    return await runIvy(programs[whose], [...args, "--root", this.lab.root], {
      env: { PATH: "/usr/bin:/bin" },
    });
  }

  async publish(serial: number): Promise<void> {
    await this.lab.publish(this.#next, { version: NEXT, serial });
  }

  /** What this version puts in the launcher's place. */
  async nextLauncher(): Promise<string> {
    const root = join(this.lab.folder, "fresh");
    await runIvy([this.#next], ["init", "--root", root]);
    return Deno.readTextFileSync(join(root, "ivy"));
  }

  /** Waits until the broker has got what is stored now. */
  async untilBrokerHasAll(): Promise<void> {
    const { lines } = this;
    const faults = () => faultsAtBroker(lines, this.observer);
    await until(() => faults().slice(0, 5).join("\n"), () => faults().length === 0, 240_000);
    this.sentId = lines.at(-1)!.message.id;
  }

  get messagesFolder(): string {
    return pathsOf(this.lab.root).messages;
  }

  /** All stored messages, by their ids. */
  get lines(): DayLine[] {
    return readDays(this.messagesFolder).lines.sort((a, b) => a.message.id - b.message.id);
  }

  /** All messages of which their sender was told that they are safe. */
  get acknowledged(): string[] {
    return [
      ...this.#acknowledgedEarlier,
      ...this.lab.lives.flatMap(({ output }) => acknowledgedIn(output.text)),
    ];
  }

  /** Waits until a version has started and measures. @param after Offset in the log from which to look. */
  async untilMeasuring(version: string, after: number): Promise<void> {
    await this.lab.untilLog(
      new RegExp(` agent +Ivy ${version.replaceAll(".", "\\.")} starts`),
      180_000,
      after,
    );
    const { length } = this.acknowledged;
    await until(
      () => `${version} measures:\n${this.lab.log.slice(after)}`,
      () => this.acknowledged.length > length + 3,
    );
  }

  /** Ends the agent at once. @returns the offset in the log at which that happened. */
  async kill(): Promise<number> {
    const { length } = this.lab.log;
    await this.lab.lives.at(-1)!.kill();
    return length;
  }

  /** Waits until a configuration's status stands in a daily file. */
  async untilConfig(status: string, revision: number): Promise<void> {
    await until(
      () => `configuration ${revision} is ${status}:\n${this.lab.log}`,
      () => this.configs(revision).includes(status),
    );
  }

  /** What became of a revision, in order. */
  configs(revision: number): string[] {
    return this.lines.flatMap(({ message: { message_body: body } }) => {
      if (body.variant !== "config") return [];
      const { general } = body.config as { general?: { config_revision?: number } };
      return general?.config_revision === revision ? [body.status] : [];
    });
  }

  /** Keys of the messages that ThingsBoard got. */
  get keysAtThingsboard(): Set<string> {
    const telemetry = this.thingsboard.said("telemetry").flat() as { values?: { key?: string } }[];
    return new Set(telemetry.flatMap(({ values }) => values?.key ?? []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }
}

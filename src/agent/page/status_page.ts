// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import type { StatusPageSettings } from "../../shared/config.ts";
import type { Logger } from "../../shared/logger.ts";
import { Access } from "./access.ts";
import { AllowedHosts } from "./allowed_hosts.ts";
import { type DoorLimits, HttpDoor } from "./http_door.ts";
import { PageServer } from "./page_server.ts";
import type { PageSource } from "./page_source.ts";
import { type EventPace, Events } from "./events.ts";
import { LogBook } from "./log_book.ts";
import { OPEN_PATHS, pageRoutes } from "./page_routes.ts";

const DEFAULT_RETRY_MS = 30_000;

export interface StatusPageOptions {
  /** The token is the text itself; see `resolveSecrets`. */
  settings: StatusPageSettings;
  /** The system identifier. */
  name: string;
  /** The machine's name. */
  machine: string;
  /** Of the daily log files. */
  logFolder: string;
  source: PageSource;
  logger: Logger;
  limits?: Partial<DoorLimits>;
  pace?: Partial<EventPace>;
  /** How often an address that is taken is tried again, in milliseconds; default 30 s. */
  retryMs?: number;
}

/** The status page while a node runs. Nothing that happens to it may keep the node from measuring. */
export class StatusPage {
  #options: StatusPageOptions;
  #door: HttpDoor | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #server: PageServer;
  #events: Events;
  #stopLog: () => void;

  constructor(options: StatusPageOptions) {
    this.#options = options;
    const { settings: { host, token }, name, machine, source, logFolder, pace = {} } = options;
    const logs = new LogBook(logFolder, Date.now());
    this.#events = new Events({ source, logs, onFailure: (error) => this.#report(error), pace });
    this.#stopLog = source.watchLog((entry) => this.#events.tellLog(logs.add(entry)));
    this.#server = new PageServer({
      access: new Access({ token, name, now: () => Date.now(), monotonic: () => performance.now() }),
      hosts: new AllowedHosts(host, machine),
      routes: pageRoutes(source, logs, this.#events),
      open: OPEN_PATHS,
    });
  }

  /** Serves the page, or tries again later; undefined while it is not served. */
  get port(): number | undefined {
    return this.#door?.port;
  }

  start(): void {
    const { settings: { host, port }, logger } = this.#options;
    try {
      this.#open();
      logger.info(`the status page is at ${this.#address}`);
    } catch (error) {
      logger.warning(
        `the status page cannot be served on ${host} port ${port}: ${
          sentenceOf(error)
        }; it is tried again every ` +
          `${this.#retryMs / 1000} s; another address can be set as status_page`,
      );
      this.#retryLater();
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#retry);
    this.#stopLog();
    this.#events.close();
    await this.#door?.close();
    this.#door = undefined;
  }

  get #retryMs(): number {
    return this.#options.retryMs ?? DEFAULT_RETRY_MS;
  }

  get #address(): string {
    const { host } = this.#options.settings;
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.port}`;
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => {
      try {
        this.#open();
        this.#options.logger.info(`the status page is at ${this.#address} now`);
      } catch {
        this.#retryLater(); // said once
      }
    }, this.#retryMs);
  }

  /** @throws when the address cannot be had. */
  #open(): void {
    const { settings: { host, port }, limits } = this.#options;
    this.#door = new HttpDoor({
      host,
      port,
      handle: (request) => this.#server.answer(request),
      onFailure: (error) => this.#report(error),
      ...(limits === undefined ? {} : { limits }),
    });
    this.#prepareCharts();
  }

  /** The store reads the last day at leisure, so that the first page that is opened need not wait for that. */
  #prepareCharts(): void {
    const nothing = { keys: [], fromMs: null, toMs: null, points: 1 };
    this.#options.source.series(nothing).catch((error) => this.#report(error));
  }

  #report(error: unknown): void {
    this.#options.logger.exception("the status page could not be answered", error);
  }
}

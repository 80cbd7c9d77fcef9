// Runs in: main thread.
import { withLimit } from "../../shared/time.ts";
import { isShortToken, SHORT_TOKEN } from "../configuration.ts";
import type { Paths } from "../paths.ts";
import { resolvePageToken } from "../secret_values.ts";
import { agentSource, type ShownAgent } from "./agent_source.ts";
import { StatusPage } from "./status_page.ts";

/** How long connections may hold the end up, in milliseconds. */
const CLOSE_LIMIT_MS = 500;

export interface NodePageOptions extends ShownAgent {
  paths: Paths;
  /** The environment as it was when the process started. */
  environment: Record<string, string>;
}

/** The status page of a running agent, as its configuration wants it. */
export class NodePage {
  #options: NodePageOptions;
  #page: StatusPage | undefined;

  constructor(options: NodePageOptions) {
    this.#options = options;
  }

  /** Opens what the configuration in use asks for. */
  open(): void {
    const { loaded, environment, logging, paths } = this.#options;
    const { status_page: settings, general } = loaded().config;
    if (settings === null) return;
    const logger = logging.logger("status_page");
    const { token, secrets, faults } = resolvePageToken(settings, environment);
    logging.hide(secrets);
    if (faults.length > 0) return logger.error(`there is no status page: ${faults.join("; ")}`);
    if (token !== null && isShortToken(settings, token)) logger.warning(SHORT_TOKEN);
    this.#page = new StatusPage({
      settings: { ...settings, token },
      name: general.system_identifier,
      machine: Deno.hostname(),
      logFolder: paths.logs,
      source: agentSource(this.#options),
      logger,
    });
    this.#page.start();
  }

  /** The configuration has changed. */
  async reopen(): Promise<void> {
    await this.close();
    this.open();
  }

  async close(): Promise<void> {
    await withLimit(this.#page?.stop() ?? Promise.resolve(), CLOSE_LIMIT_MS, undefined);
    this.#page = undefined;
  }
}

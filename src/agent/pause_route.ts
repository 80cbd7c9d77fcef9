// Runs in: main thread.
import type { Logger } from "../shared/logger.ts";
import type { ControlRoute } from "./control_server.ts";
import type { ProcedureHost } from "./procedure_host.ts";

export interface PauseRouteOptions {
  procedures: () => readonly ProcedureHost[];
  /** How long a procedure may take to end, in milliseconds. */
  graceMs: number;
  mayResume: () => boolean;
  logger: Logger;
}

/** Equipment is exclusive: a procedure ends while its self-test runs elsewhere, until the asker hangs up. */
export function pauseRoute({ procedures, graceMs, mayResume, logger }: PauseRouteOptions): ControlRoute {
  return async (request) => {
    const name = new URL(request.url).searchParams.get("name");
    const host = procedures().find((procedure) => procedure.name === name);
    if (host === undefined || !host.hasSelfTest) return { paused: false };
    logger.info(`pausing ${host.name} for its self-test`);
    const release = await host.pause(graceMs);
    const resume = () => {
      if (mayResume()) {
        logger.info(`resuming ${host.name}`);
        host.start();
      }
      release();
    };
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("paused\n")),
      cancel: resume,
    });
    return new Response(body);
  };
}

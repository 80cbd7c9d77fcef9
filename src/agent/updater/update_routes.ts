// Runs in: main thread.
import { sentenceOf } from "../../shared/errors.ts";
import type { ControlRoute } from "../control_server.ts";
import type { Outcome } from "./reconfigure.ts";
import type { ProbationJson, ReleaseFacts, Updater } from "./updater.ts";

/** What `POST /v1/update` asks for. */
export interface UpdateRequest {
  /** Null = the newest. */
  version: string | null;
  /** A folder on this machine that holds the release; null = where the configuration says. */
  folder: string | null;
}

/** A line of its answer. */
export type UpdateLine = { phase: string } | { outcome: Outcome } | { error: string };

/** What is going on with versions. */
export interface UpdateJson {
  /** In words; null = nothing. */
  update: string | null;
  probation: ProbationJson | null;
}

export function updateJson({ phase, probation }: Updater): UpdateJson {
  return { update: phase === "" ? null : phase, probation };
}

/** The control API's part for updates by hand. */
export function updateRoutes(updater: Updater): Record<string, ControlRoute> {
  return {
    "GET /v1/update": (): UpdateJson => updateJson(updater),
    "POST /v1/update": async (request) => answer(updater, await request.json()),
    "POST /v1/update/check": async (request): Promise<ReleaseFacts> => {
      const { version, folder } = await request.json() as UpdateRequest;
      return await updater.check(version, folder ?? undefined);
    },
    "POST /v1/rollback": () => ({ version: updater.rollBack() }),
  };
}

/** One line of JSON per phase, and the outcome as the last. An asker that hangs up does not end the update. */
function answer(updater: Updater, { version, folder }: UpdateRequest): Response {
  const encoder = new TextEncoder();
  let stopWatching = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (line: UpdateLine) => controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      stopWatching = updater.watch((phase) => phase !== "" && send({ phase }));
      void run(updater, version, folder).then(send).then(() => {
        stopWatching();
        controller.close();
      }).catch(() => {}); // the asker has hung up
    },
    cancel: () => stopWatching(),
  });
  return new Response(body);
}

async function run(updater: Updater, version: string | null, folder: string | null): Promise<UpdateLine> {
  try {
    const wanted = version ?? (await updater.check(null, folder ?? undefined)).version;
    return { outcome: await updater.upgradeByHand(wanted, folder ?? undefined) };
  } catch (error) {
    return { error: sentenceOf(error) };
  }
}

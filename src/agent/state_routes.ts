// Runs in: main thread.
import type { ControlRoute } from "./control_server.ts";
import type { StateAuthority } from "./state_authority.ts";

/** One answer of `GET /v1/state`, and one line of `GET /v1/state/watch`. */
export interface StateAnswer {
  /** The place in main's order; begins anew with the agent. */
  sequence: number;
  state: Record<string, unknown>;
}

/** The routes of the control API that show the shared state. */
export function stateRoutes(authority: StateAuthority): Record<string, ControlRoute> {
  return {
    "GET /v1/state": () =>
      new Response(encodeAnswer(authority), { headers: jsonHeaders("application/json") }),
    "GET /v1/state/watch": () => watchState(authority),
  };
}

/** A line now and after each change until the asker hangs up or the state is closed; a slow asker misses some. */
function watchState(authority: StateAuthority): Response {
  const hungUp = new AbortController();
  let sentSequence = 0;
  const body = new ReadableStream<string>({
    async pull(controller) {
      const isOpen = await authority.changedSince(sentSequence, hungUp.signal);
      if (hungUp.signal.aborted) return;
      if (!isOpen) return controller.close();
      sentSequence = authority.sequence;
      controller.enqueue(`${encodeAnswer(authority)}\n`);
    },
    cancel: () => hungUp.abort(),
  }, { highWaterMark: 0 });
  const headers = jsonHeaders("application/x-ndjson");
  return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
}

function encodeAnswer(authority: StateAuthority): string {
  return `{"sequence":${authority.sequence},"state":${authority.json}}`;
}

function jsonHeaders(type: string): HeadersInit {
  return { "content-type": type };
}

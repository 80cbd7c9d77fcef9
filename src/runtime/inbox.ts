// Runs in: backend worker.
import { Bucket } from "../shared/bucket.ts";
import { exceededBound } from "../shared/config_bounds.ts";
import type { Logger } from "../shared/logger.ts";
import type { BackendToMain, MainToBackend, PackageOffer, UnusableOffer } from "../shared/protocol.ts";
import { cutText } from "../shared/text.ts";
import { withLimit } from "../shared/time.ts";
import type { Heard, Inbox } from "./backend.ts";
import { Paced } from "./paced.ts";

/** Least time between two lines about garbage, in milliseconds. */
const GARBAGE_LINE_MS = 1000;
/** How much of a reason is shown, which may quote the server; in UTF-16 code units. */
const MAX_REASON_LENGTH = 500;

/**
 * Least time between two configurations and two offers on their way to main, in milliseconds, and calls that it gets at
 * once, and in a second: main has other work than to look at what a server repeats.
 */
const CONFIGURATION_GAP_MS = 1000;
const OFFER_GAP_MS = 5000;
const CALL_BURST = 50;
const CALLS_PER_SECOND = 10;

/** Longer than main itself gives whoever answers a call, in milliseconds. */
const CALL_LIMIT_MS = 60_000;

type Configuration = Omit<BackendToMain & { type: "configuration" }, "type">;
type Answer = MainToBackend & { type: "call_answer" };

/** The worker's side of what a server sends to this node. */
export function createInbox(
  send: (message: BackendToMain) => void,
  logger: Logger,
  monotonic: () => number = () => performance.now(),
): { inbox: Inbox; answered(answer: Answer): void } {
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastCallId = 0;
  let loggedMs = -Infinity;
  let unlogged = 0;
  const calls = new Bucket({ burst: CALL_BURST, perSecond: CALLS_PER_SECOND, monotonic });
  let handedOn: number | undefined;
  const configurations = new Paced<Configuration>({
    gapMs: CONFIGURATION_GAP_MS,
    monotonic,
    handOn(configuration) {
      handedOn = configuration.revision;
      send({ type: "configuration", ...configuration });
    },
  });
  const offers = new Paced<PackageOffer | UnusableOffer | null>({
    gapMs: OFFER_GAP_MS,
    monotonic,
    handOn: (offer) => send({ type: "package", offer }),
  });
  const inbox: Inbox = {
    heard(heard) {
      if (heard?.kind === "garbage") inbox.garbage(heard.reason);
      else if (heard !== undefined && heard.revision > (configurations.waiting?.revision ?? -1)) {
        if (heard.revision !== handedOn) configurations.take(bounded(heard));
      }
    },
    garbage(reason) {
      if (monotonic() - loggedMs < GARBAGE_LINE_MS) {
        unlogged++;
        return;
      }
      const others = unlogged === 0 ? "" : ` (and ${unlogged} more before)`;
      loggedMs = monotonic();
      unlogged = 0;
      logger.warning(`ignored what the server sent: ${cutText(reason, MAX_REASON_LENGTH)}${others}`);
    },
    async call(method, params) {
      if (!calls.take()) throw new Error(`too many calls: more than ${CALLS_PER_SECOND} a second`);
      const excess = exceededBound(params);
      if (excess !== undefined) throw new Error(`what comes with the call is too much: ${excess}`);
      const callId = ++lastCallId;
      const answering = new Promise<Answer>((resolve) => {
        waiting.set(callId, resolve);
        send({ type: "call", callId, method, params });
      });
      const answer = await withLimit(answering, CALL_LIMIT_MS, undefined);
      waiting.delete(callId);
      if (answer === undefined) throw new Error(`no answer within ${CALL_LIMIT_MS / 1000} s`);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.result;
    },
    keep: (value) => send({ type: "keep", value }),
    offered: (offer) => offers.take(offer),
    reported: (reportId) => send({ type: "package_report_told", reportId }),
  };
  return {
    inbox,
    answered(answer) {
      waiting.get(answer.callId)?.(answer);
      waiting.delete(answer.callId);
    },
  };
}

/** What main would refuse to look at need not travel. */
function bounded({ revision, config }: Heard & { kind: "configuration" }): Configuration {
  const excess = exceededBound(config);
  return excess === undefined ? { revision, config } : { revision, config: null, excess };
}

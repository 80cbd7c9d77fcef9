// Runs in: backend worker.
import { type BackendContext, type ParcelLimits, SideWork } from "../runtime/backend.ts";
import { cutText } from "../shared/text.ts";
import { sentenceOf } from "../shared/errors.ts";
import { pause } from "../shared/time.ts";
import { wellFormedJson } from "../shared/well_formed.ts";
import type { Credentials, EnterAs } from "./mqtt_backend.ts";
import type { MqttSession } from "./mqtt_session.ts";
import { createRateLimiter, type RateLimiter } from "./rate_limits.ts";
import { DEFAULT_LIMITS, type DeviceLimits, readLimits } from "./session_limits.ts";
import type { Settings } from "./thingsboard.ts";
import { decode } from "./thingsboard_decode.ts";
import { Firmware } from "./thingsboard_firmware.ts";
import { OFFER_KEYS } from "./thingsboard_offer.ts";
import { provision } from "./thingsboard_provisioning.ts";

const DEVICE = "v1/devices/me";
/** How long the server may take to say its limits, in milliseconds. */
const LIMITS_LIMIT_MS = 3000;
/** How long an answer to a call may be on its way, in milliseconds. */
const ANSWER_LIMIT_MS = 30_000;
const MAX_ELEMENTS = 1000;
/** Room for topic and header, which count against the server's limit. */
const HEADER_BYTES = 128;
/** Calls of the server that may be unanswered. */
const MAX_CALLS = 10;
/** Answers that may be on their way, refusals too: a server that floods and acknowledges none gets no more. */
const MAX_ANSWERS = 100;
const MAX_REQUEST_ID = 2_147_483_647;

interface Limiters {
  messages: RateLimiter;
  telemetryMessages: RateLimiter;
  telemetryPoints: RateLimiter;
}

/** The shared attributes that concern this node. */
const SHARED_KEYS = ["configuration", ...OFFER_KEYS].join(",");

/** One device of ThingsBoard: what it asks for after it has entered, what it answers, how fast it may talk. */
export class ThingsboardDevice {
  readonly firmware: Firmware;
  #context: BackendContext<Settings>;
  #limits: DeviceLimits = DEFAULT_LIMITS;
  #limiters: Limiters = createLimiters(DEFAULT_LIMITS);
  #toldLimits = "";
  #session: { session: MqttSession; isOver: AbortSignal } | undefined;
  /** It has not said its limits when it was last asked: old servers never do. */
  #isSilent = false;
  #asking: Record<"limits" | "attributes", SideWork>;
  #telling: Record<"attributes" | "answers", SideWork>;
  #answers = new Map<string, (value: unknown) => void>();
  #lastRequestId = 0;
  #calls = 0;
  #answering = 0;

  constructor(context: BackendContext<Settings>) {
    this.#context = context;
    const { logger } = context;
    this.#asking = {
      limits: new SideWork({ what: `asking ${DEVICE}/rpc/request for the session's limits`, logger }),
      attributes: new SideWork({ what: `asking ${DEVICE}/attributes/request for the configuration`, logger }),
    };
    this.#telling = {
      attributes: new SideWork({ what: `telling ${DEVICE}/attributes what this node is`, logger }),
      answers: new SideWork({ what: `answering calls on ${DEVICE}/rpc/response`, logger }),
    };
    this.firmware = new Firmware({
      context,
      maxPayloadBytes: () => this.#limits.maxPayloadBytes,
      ask: (session, topic, payload, signal) =>
        this.#inTime(session, topic, payload, () => this.#paceMessage(), signal),
      tell: (session, values, signal) => this.#tellInTime(session, values, signal),
      nextRequestId: () => this.#nextRequestId(),
    });
  }

  get parcel(): ParcelLimits {
    return {
      isArray: true,
      maxElements: MAX_ELEMENTS,
      maxBytes: this.#limits.maxPayloadBytes - HEADER_BYTES,
      maxPoints: this.#limiters.telemetryPoints.most,
    };
  }

  /** One is left for what is said besides. */
  get window(): number {
    return Math.max(1, this.#limits.maxInFlight - 1);
  }

  /** How long a publish with so many data points has to wait; counts it when it need not. */
  pace(points: number): number {
    const { messages, telemetryMessages, telemetryPoints } = this.#limiters;
    const waitMs = Math.max(messages.waitMs(1), telemetryMessages.waitMs(1), telemetryPoints.waitMs(points));
    if (waitMs > 0) return waitMs;
    messages.count(1);
    telemetryMessages.count(1);
    telemetryPoints.count(points);
    return 0;
  }

  async credentials(enterAs: EnterAs): Promise<Credentials> {
    const { config: { provisioning, mqtt_connection: connection }, facts, inbox, logger } = this.#context;
    if (provisioning === null || connection.username !== undefined || connection.tls?.cert !== undefined) {
      return {};
    }
    if (facts.kept !== null) return facts.kept as Credentials;
    const credentials = await provision(enterAs, {
      deviceName: provisioning.device_name ?? facts.systemIdentifier,
      provisionDeviceKey: provisioning.device_key,
      provisionDeviceSecret: provisioning.device_secret,
    });
    logger.info("the server has given this device credentials of its own");
    inbox.keep(credentials);
    facts.kept = credentials;
    return credentials;
  }

  /** Asks for limits first, since they hold for everything else; then for the configuration. */
  async entered(session: MqttSession, isOver: AbortSignal): Promise<void> {
    this.#session = { session, isOver };
    this.#answers.clear();
    await this.#askLimits(session, isOver);
    void this.#asking.attributes.run(async () => {
      const topic = `attributes/request/${this.#nextRequestId()}`;
      await this.#say(session, topic, { sharedKeys: SHARED_KEYS });
    }, isOver);
    this.factsChanged();
    this.firmware.entered(session, isOver);
  }

  factsChanged(): void {
    if (this.#session === undefined) return;
    const { session, isOver } = this.#session;
    void this.#telling.attributes.run(() => this.#tellAttributes(session), isOver);
  }

  heard(topic: string, payload: Uint8Array, session: MqttSession): void {
    if (this.firmware.heard(topic, payload)) return;
    const event = decode(topic, payload);
    switch (event.kind) {
      case "configuration":
      case "garbage":
        return this.#context.inbox.heard(event);
      case "answer":
        return this.#answers.get(event.requestId)?.(event.value);
      case "call":
        return void this.#answer(session, event);
      case "nothing":
      case "provisioned":
        return;
      default:
        event satisfies never;
    }
  }

  /** Waits for the answer, unless the server did not give one the last time; it counts whenever it comes. */
  async #askLimits(session: MqttSession, isOver: AbortSignal): Promise<void> {
    const requestId = String(this.#nextRequestId());
    const answered = new AbortController();
    this.#answers.set(requestId, (answer) => {
      this.#takeLimits(session, answer);
      answered.abort();
    });
    const question = { method: "getSessionLimits", params: {} };
    void this.#asking.limits.run(() => this.#say(session, `rpc/request/${requestId}`, question), isOver);
    if (this.#isSilent) return;
    this.#isSilent = await pause(LIMITS_LIMIT_MS, AbortSignal.any([isOver, answered.signal]));
  }

  #takeLimits(session: MqttSession, answer: unknown): void {
    this.#isSilent = false;
    const { limits, nonsense } = readLimits(answer);
    session.slots.most = Math.min(session.limits.window, limits.maxInFlight);
    if (nonsense.length > 0) {
      this.#context.logger.debug(`limits of the session that are not understood: ${nonsense.join(", ")}`);
    }
    const text = JSON.stringify(limits);
    if (text === this.#toldLimits) return; // what was sent before still counts
    this.#toldLimits = text;
    this.#limits = limits;
    this.#limiters = createLimiters(limits);
  }

  async #tellAttributes(session: MqttSession): Promise<void> {
    const { facts } = this.#context;
    await this.#say(session, "attributes", {
      software_version: facts.softwareVersion,
      config_revision: facts.configRevision,
      system_identifier: facts.systemIdentifier,
      target: facts.target,
      boot_time: Math.round(facts.bootedMs),
    });
  }

  async #answer(
    session: MqttSession,
    { requestId, method, params }: { requestId: string; method: string; params: unknown },
  ): Promise<void> {
    if (this.#answering >= MAX_ANSWERS) return;
    this.#answering++;
    const answer = await this.#call(method, params);
    await this.#telling.answers.run(
      () => this.#say(session, `rpc/response/${requestId}`, answer),
      AbortSignal.timeout(ANSWER_LIMIT_MS),
    );
    this.#answering--;
  }

  async #call(method: string, params: unknown): Promise<unknown> {
    const { config, inbox, logger } = this.#context;
    if (!config.rpc.allow.includes(method)) {
      logger.info(
        `refused a call of the server: rpc.allow does not name ${cutText(JSON.stringify(method), 80)}`,
      );
      return { error: "this method is not allowed on this node" };
    }
    if (this.#calls >= MAX_CALLS) return { error: "too many calls at once" };
    this.#calls++;
    try {
      return await inbox.call(method, params) ?? null;
    } catch (error) {
      return { error: sentenceOf(error) };
    } finally {
      this.#calls--;
    }
  }

  /** Publishes below the device's topics; it counts against the limits and does not wait for them. */
  async #say(session: MqttSession, topic: string, value: unknown): Promise<void> {
    this.#limiters.messages.count(1);
    await session.whileOpen(session.say(`${DEVICE}/${topic}`, wellFormedJson(JSON.stringify(value))));
  }

  async #tellInTime(
    session: MqttSession,
    values: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const points = Object.keys(values).length;
    await this.#inTime(
      session,
      `${DEVICE}/telemetry`,
      wellFormedJson(JSON.stringify(values)),
      () => this.pace(points),
      signal,
    );
  }

  /** The same as {@link pace} for what is no telemetry. */
  #paceMessage(): number {
    const { messages } = this.#limiters;
    const waitMs = messages.waitMs(1);
    if (waitMs === 0) messages.count(1);
    return waitMs;
  }

  /** Publishes on any topic, when the limits allow it. */
  async #inTime(
    session: MqttSession,
    topic: string,
    payload: string,
    pace: () => number,
    signal: AbortSignal,
  ): Promise<void> {
    for (let waitMs; (waitMs = pace()) > 0;) {
      await session.whileOpen(pause(waitMs, signal));
      signal.throwIfAborted();
    }
    await session.whileOpen(session.say(topic, payload));
  }

  #nextRequestId(): number {
    this.#lastRequestId = this.#lastRequestId % MAX_REQUEST_ID + 1;
    return this.#lastRequestId;
  }
}

function createLimiters(limits: DeviceLimits): Limiters {
  const monotonic = () => performance.now();
  return {
    messages: createRateLimiter(limits.messages, monotonic),
    telemetryMessages: createRateLimiter(limits.telemetryMessages, monotonic),
    telemetryPoints: createRateLimiter(limits.telemetryPoints, monotonic),
  };
}

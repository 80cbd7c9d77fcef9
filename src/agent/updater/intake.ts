// Runs in: main thread.
import type { Logger } from "../../shared/logger.ts";
import type { ConfigStatus } from "../../shared/message.ts";
import { Bucket } from "../../shared/bucket.ts";
import { exceededBound } from "../../shared/config_bounds.ts";
import { sentenceOf } from "../../shared/errors.ts";
import { cutText } from "../../shared/text.ts";
import { pause } from "../../shared/time.ts";
import { type Current, decideUpdate, type Decision, type Received } from "./decide.ts";
import type { Outcome } from "./reconfigure.ts";
import { MAX_REASON_LENGTH, type Revisions } from "./revisions.ts";

/** How long to wait before something that only time can mend is tried again, in milliseconds. */
const RETRY_MS = 60_000;
/** Configurations that are looked at at once and in a second: each is told to the servers, which wears the disk. */
const TAKE_BURST = 100;
const TAKES_PER_SECOND = 1 / 60;
/** How many revisions are known to have come: a server may send as many as it likes. */
const MAX_SEEN = 1000;

export interface IntakeOptions {
  current: () => Current;
  revisions: Revisions;
  logger: Logger;
  /**
   * Tells the servers. `config` is unjudged and may hold secrets.
   *
   * @returns false when the message could not be stored; that is no fault of the configuration.
   */
  report: (status: ConfigStatus, revision: number, config: unknown, reason?: string) => Promise<boolean>;
  reconfigure: (config: Record<string, unknown>) => Promise<Outcome>;
  /** Keeps what only a person on the node may allow, for that person. */
  keepRefused: (revision: number, config: unknown, reason: string) => void;
  /** Other versions; undefined = this node is updated by hand. */
  upgrade?: (version: string, config: Record<string, unknown>, revision: number) => Promise<Outcome>;
  signal: AbortSignal;
  retryMs?: number;
  /** Milliseconds that never jump. */
  monotonic?: () => number;
}

/** Another version without a configuration of its own. */
interface Offer {
  /** For the log. */
  name: string;
  act: () => Promise<Outcome>;
}

/**
 * Takes configurations in as they come from any backend: each revision once, one at a time, the newest of those that
 * wait.
 */
export class Intake {
  #options: IntakeOptions;
  #seen = new Set<number>();
  /** The newest that has come and has not been looked at. */
  #waiting: Received | undefined;
  #offer: Offer | undefined;
  #wakeUp = new AbortController();
  #rate: Bucket;
  #isTooFast = false;
  #working: Promise<void> | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const { monotonic = () => performance.now() } = options;
    this.#rate = new Bucket({ burst: TAKE_BURST, perSecond: TAKES_PER_SECOND, monotonic });
  }

  /** A configuration has come; servers repeat themselves after each connect. */
  receive(revision: number, config: unknown, excess?: string): void {
    if (this.#seen.has(revision)) return;
    this.#see(revision);
    const { logger, revisions } = this.#options;
    if (this.#isOld(revision)) return;
    if (revisions.rejected.has(revision)) {
      return logger.info(`ignored configuration ${revision}: it has been rejected before`);
    }
    this.#wait({ revision, config, excess });
  }

  /** A person on the node has allowed a configuration that had been refused. */
  receiveAllowed(revision: number, config: unknown): void {
    if (!this.#isOld(revision)) this.#wait({ revision, config, isAllowed: true });
  }

  #see(revision: number): void {
    this.#seen.add(revision);
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.values().next().value!);
  }

  #isOld(revision: number): boolean {
    const running = this.#options.current().revision;
    if (revision > running) return false;
    this.#options.logger.info(
      `ignored configuration ${revision}: the node runs with revision ${running} already`,
    );
    return true;
  }

  /** Only the newest: a server that sends many costs the memory of one. */
  #wait(received: Received): void {
    const [newer, older] = (this.#waiting?.revision ?? -1) > received.revision
      ? [this.#waiting!, received]
      : [received, this.#waiting];
    if (older !== undefined && older.revision !== newer.revision) {
      this.#options.logger.info(
        `ignored configuration ${older.revision}: ${newer.revision} has come meanwhile`,
      );
    }
    this.#waiting = newer;
    this.#wake();
  }

  /** Another version is offered without a configuration; the last offer counts. `name` is for the log. */
  offer(name: string, act: () => Promise<Outcome>): void {
    if (this.#offer?.name !== name) this.#options.logger.info(`${name} is assigned to this node`);
    this.#offer = { name, act };
    this.#wake();
  }

  #wake(): void {
    this.#wakeUp.abort();
    this.#wakeUp = new AbortController();
    this.#working ??= this.#work().catch((error) => this.#note("what has come", error)).finally(() =>
      this.#working = undefined
    );
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      const received = this.#waiting;
      if (received === undefined) {
        if (this.#offer === undefined) return;
        await this.#takeOffer(this.#offer);
        continue;
      }
      if (!received.isAllowed && !this.#rate.take()) {
        await this.#slowDown(received.revision);
        continue;
      }
      this.#isTooFast = false;
      this.#waiting = undefined;
      const { revision, config } = received;
      try {
        await this.#take(received);
      } catch (error) {
        this.#note(`configuration ${revision}`, error);
        await this.#reject(revision, config, sentenceOf(error));
      }
    }
  }

  /** Meanwhile a newer one may come, or one that a person allows. */
  async #slowDown(revision: number): Promise<void> {
    if (!this.#isTooFast) {
      this.#options.logger.warning(
        `configuration ${revision}, or a newer one, is looked at later: too many have come (one a minute is looked at)`,
      );
    }
    this.#isTooFast = true;
    await this.#pause();
  }

  async #take(received: Received): Promise<void> {
    const { report, logger, current, revisions } = this.#options;
    const { revision, config } = received;
    logger.info(`configuration ${revision} has come`);
    const excess = received.excess ?? exceededBound(config);
    if (excess !== undefined) return await this.#reject(revision, undefined, excess);
    await report("received", revision, config);
    const decision = decideUpdate(current(), received, revisions.rejected);
    switch (decision.kind) {
      case "ignore":
        return logger.info(`ignored configuration ${revision}: ${decision.reason}`);
      case "reject":
        return await this.#refuse(revision, config, decision);
      case "reconfigure":
        return await this.#finish(revision, config, () => this.#options.reconfigure(decision.config));
      case "upgrade": {
        const { upgrade } = this.#options;
        if (upgrade !== undefined) {
          return await this.#finish(
            revision,
            config,
            () => upgrade(decision.version, decision.config, revision),
          );
        }
        return logger.warning(
          `configuration ${revision} is for Ivy ${decision.version}, but this node is updated by hand`,
        );
      }
      default:
        decision satisfies never;
    }
  }

  async #refuse(
    revision: number,
    config: unknown,
    { reason, canBeAllowed }: Decision & { kind: "reject" },
  ): Promise<void> {
    if (canBeAllowed) this.#options.keepRefused(revision, config, cutText(reason, MAX_REASON_LENGTH));
    await this.#reject(revision, config, reason);
  }

  async #finish(revision: number, config: unknown, act: () => Promise<Outcome>): Promise<void> {
    const { report, logger, revisions } = this.#options;
    for (;;) {
      const offer = this.#offer;
      const outcome = await act();
      switch (outcome.kind) {
        case "accepted":
          logger.info(`configuration ${revision} is accepted`);
          revisions.accept(revision);
          await report("accepted", revision, config);
          return;
        case "rejected":
          return await this.#reject(revision, config, outcome.reason);
        case "interrupted":
          return;
        case "postponed":
          logger.warning(`configuration ${revision} cannot be taken into use now: ${outcome.reason}`);
          if (offer !== undefined && offer === this.#offer) await this.#takeOffer(offer);
          else if (offer === this.#offer && this.#waiting === undefined) await this.#pause();
          if (this.#options.signal.aborted || this.#waiting !== undefined) return;
          break;
        default:
          outcome satisfies never;
      }
    }
  }

  /** What is postponed stays, and is tried again. */
  async #takeOffer(offer: Offer): Promise<void> {
    const outcome = await this.#actOn(offer);
    if (outcome.kind !== "postponed") {
      if (outcome.kind === "rejected") {
        this.#options.logger.warning(`${offer.name} failed: ${outcome.reason}`);
      }
      if (this.#offer === offer) this.#offer = undefined;
      return;
    }
    this.#options.logger.warning(`${offer.name} cannot be taken into use now: ${outcome.reason}`);
    if (this.#offer === offer && this.#waiting === undefined) await this.#pause();
  }

  async #actOn({ name, act }: Offer): Promise<Outcome> {
    try {
      return await act();
    } catch (error) {
      this.#note(name, error);
      return { kind: "rejected", reason: sentenceOf(error) };
    }
  }

  /** Until it is time to try again, or something else has come. */
  async #pause(): Promise<void> {
    const { signal, retryMs = RETRY_MS } = this.#options;
    await pause(retryMs, AbortSignal.any([signal, this.#wakeUp.signal]));
  }

  #note(what: string, error: unknown): void {
    this.#options.logger.exception(`${what} could not be dealt with`, error);
  }

  async #reject(revision: number, config: unknown, whole: string): Promise<void> {
    const { report, logger, revisions } = this.#options;
    const reason = cutText(whole, MAX_REASON_LENGTH);
    logger.warning(`configuration ${revision} is rejected: ${reason}`);
    revisions.reject(revision, reason);
    if (await report("rejected", revision, config, reason)) revisions.markReported(revision);
  }
}

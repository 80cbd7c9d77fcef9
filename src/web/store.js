// Runs in: browser.

/** How far back the charts can look. */
export const RANGES = [
  { name: "15 min", ms: 15 * 60_000 },
  { name: "2 h", ms: 2 * 3_600_000 },
  { name: "24 h", ms: 24 * 3_600_000 },
];

/** What the page knows and what the person has chosen; whoever subscribes is told, once per frame, that it changed. */
export class Store {
  #subscribers = new Set();
  #isTelling = false;

  state = {
    /** What `GET /api/v1/status` answers; null before the first answer. */
    status: null,
    /** The node's time less this browser's, in milliseconds. */
    clockOffsetMs: 0,
    isLive: false,
    /** Since when the stream is lost, by this browser's clock. */
    lostMs: Date.now(),
    /** All keys, coarsely, and the chosen one, finely. */
    overview: null,
    detail: null,
    key: null,
    rangeMs: RANGES.at(-1).ms,
    log: [],
    filter: { level: "INFO", origin: "", text: "" },
    shared: null,
    configuration: null,
    /** Why something could not be loaded; null when everything could. */
    failure: null,
    isUtc: false,
    nowMs: Date.now(),
  };

  set(change) {
    Object.assign(this.state, change);
    if (this.#isTelling) return;
    this.#isTelling = true;
    requestAnimationFrame(() => {
      this.#isTelling = false;
      for (const tell of this.#subscribers) tell(this.state);
    });
  }

  subscribe(tell) {
    this.#subscribers.add(tell);
  }

  /** The node's time. */
  get nodeNowMs() {
    return Date.now() + this.state.clockOffsetMs;
  }
}

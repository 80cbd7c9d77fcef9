// Runs in: browser.
import { get } from "./api.js";
import { matches, mergeLines, queryOf } from "./log_lines.js";
import { Series } from "./series.js";
import { RANGES } from "./store.js";

/** Points of the small charts, and of the large one. */
const OVERVIEW_POINTS = 120;
const DETAIL_POINTS = 480;
/** The last keystroke and the request for what it filters are this far apart, in milliseconds. */
const TYPING_MS = 250;

const LONGEST_MS = RANGES.at(-1).ms;

/** All that changes the store: what the node says, and what the person does. */
export class Actions {
  #store;
  #typing;
  #hasLoaded = false;
  /** For each question for a series: what was measured until the answer came. */
  #meanwhile = new Set();

  constructor(store) {
    this.#store = store;
  }

  /** What to do with each event of the stream. */
  get handlers() {
    const store = this.#store;
    return {
      status: (status) => this.#takeStatus(status),
      points: (points) => {
        const { overview, detail } = store.state;
        overview?.add(points);
        detail?.add(points);
        for (const missed of this.#meanwhile) missed.push(points);
        this.#chooseSome();
        store.set({});
      },
      log: (entry) => {
        const { log, filter } = store.state;
        if (matches(entry, filter)) store.set({ log: mergeLines(log, [entry]) });
      },
      state: (shared) => store.set({ shared }),
    };
  }

  /** After an interruption everything is asked for again: what was missed may be more than the stream repeats. */
  streamChanged(isLive) {
    this.#store.set({ isLive, lostMs: Date.now() });
    if (!this.#hasLoaded) return;
    if (isLive) void this.load();
    else this.#loadStatus().catch(() => {}); // that it is lost is said; this finds out who has been logged out
  }

  async load() {
    const parts = await Promise.allSettled([
      this.#loadStatus(),
      this.#loadSeries(),
      this.#loadLog(),
      this.#loadRest(),
    ]);
    const failed = parts.find(({ status }) => status === "rejected");
    this.#hasLoaded = true;
    this.#store.set({ failure: failed === undefined ? null : failed.reason.message });
  }

  chooseKey = (key) => {
    this.#store.set({ key, detail: null });
    this.#try(this.#loadDetail());
  };

  chooseRange = (rangeMs) => {
    this.#store.set({ rangeMs });
    this.#try(this.#loadSeries());
  };

  chooseFilter = (change) => {
    const filter = { ...this.#store.state.filter, ...change };
    const log = this.#store.state.log.filter((entry) => matches(entry, filter));
    this.#store.set({ filter, log });
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#try(this.#loadLog()), TYPING_MS);
  };

  chooseTimes = (isUtc) => this.#store.set({ isUtc });

  #try(loading) {
    loading.catch((error) => this.#store.set({ failure: error.message }));
  }

  #takeStatus(status) {
    const before = this.#store.state.status ?? status;
    const isSame = ["software_version", "system_identifier"].every((key) => before[key] === status[key]);
    if (!isSame) location.reload(); // an update, or the tunnel leads to another node now
    this.#store.set({ status, clockOffsetMs: status.clock.time_ms - Date.now() });
  }

  async #loadStatus() {
    this.#takeStatus(await get("status"));
  }

  async #loadSeries() {
    const { rangeMs } = this.#store.state;
    const overview = await this.#askSeries(OVERVIEW_POINTS);
    if (rangeMs !== this.#store.state.rangeMs) return; // the person has chosen again
    this.#store.set({ overview, detail: null });
    this.#chooseSome();
    await this.#loadDetail();
  }

  #chooseSome() {
    const { key, overview } = this.#store.state;
    if (key === null && overview !== null) this.#store.set({ key: overview.keys[0] ?? null });
  }

  async #loadDetail() {
    const { key, rangeMs } = this.#store.state;
    if (key === null) return;
    const detail = await this.#askSeries(DETAIL_POINTS, key);
    const isWanted = key === this.#store.state.key && rangeMs === this.#store.state.rangeMs;
    if (isWanted) this.#store.set({ detail });
  }

  async #askSeries(points, key) {
    const { rangeMs } = this.#store.state;
    const query = new URLSearchParams({ points: String(points) });
    if (key !== undefined) query.set("keys", key);
    // Without it the node answers with all that it has: the first question need not wait for the node's time.
    if (rangeMs < LONGEST_MS) query.set("from_ms", String(Math.round(this.#store.nodeNowMs - rangeMs)));
    const meanwhile = [];
    this.#meanwhile.add(meanwhile);
    try {
      const series = new Series(await get("series", query), { rangeMs, points, onlyKey: key });
      for (const missed of meanwhile) series.add(missed);
      return series;
    } finally {
      this.#meanwhile.delete(meanwhile);
    }
  }

  async #loadLog() {
    const { filter } = this.#store.state;
    const { entries } = await get("logs", queryOf(filter));
    const now = this.#store.state;
    if (now.filter === filter) this.#store.set({ log: mergeLines(now.log, entries) });
  }

  async #loadRest() {
    const [shared, configuration] = await Promise.all([get("state"), get("config")]);
    this.#store.set({ shared, configuration });
  }
}

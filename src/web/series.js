// Runs in: browser.

/** A space between two points that is this many times the usual one is a gap. */
const GAP_FACTOR = 2.5;

/**
 * The measurements of a period, by key: what the node had when it was asked, and what it has told since. A point is
 * `{ timeMs, mean, min, max, last }`; those that arrive are gathered in buckets, too.
 */
export class Series {
  #bucketMs;
  #freshMs;
  #rangeMs;
  #onlyKey;
  #points = new Map();
  /** How many keys the node has no room for. */
  leftOut;

  /**
   * @param answer of `GET /api/v1/series`
   * @param {{ rangeMs: number, points: number, onlyKey?: string | undefined }} options how far back it goes, how many
   * points may be drawn, and the one key that is wanted, if it is one
   */
  constructor(
    { from_ms: fromMs, bucket_ms: bucketMs, keys, keys_left_out: leftOut },
    { rangeMs, points, onlyKey },
  ) {
    this.#bucketMs = bucketMs;
    this.leftOut = leftOut;
    this.#freshMs = Math.min(bucketMs, rangeMs / points);
    this.#rangeMs = rangeMs;
    this.#onlyKey = onlyKey;
    for (const [key, columns] of Object.entries(keys)) {
      const known = columns.mean.flatMap((mean, index) => {
        if (mean === null) return [];
        const timeMs = fromMs + (index + 0.5) * bucketMs;
        return [{
          timeMs,
          mean,
          min: columns.min[index],
          max: columns.max[index],
          last: mean,
          isRough: true,
        }];
      });
      this.#points.set(key, known);
    }
  }

  get keys() {
    return [...this.#points.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  }

  /** Takes measurements in that have just been made. */
  add({ time_ms: timeMs, values }) {
    for (const [key, value] of Object.entries(values)) {
      if (key !== (this.#onlyKey ?? key)) continue;
      const points = this.#points.get(key) ?? [];
      this.#points.set(key, points);
      addPoint(points, timeMs, value, this.#freshMs);
      while (points.length > 0 && points[0].timeMs < timeMs - this.#rangeMs) points.shift();
    }
  }

  /** The newest point of a key, if it has one. */
  last(key) {
    return this.#points.get(key)?.at(-1);
  }

  /** When a point was measured; undefined where it only is known to be about now. */
  timeOf({ timeMs, isRough }, nowMs) {
    return isRough && nowMs - timeMs < 2 * this.#bucketMs ? undefined : timeMs;
  }

  /** The points of a key, with `null` between two where measurements are missing; none is later than now. */
  line(key, nowMs) {
    const points = this.#points.get(key) ?? [];
    const past = points.map((point) => point.timeMs > nowMs ? { ...point, timeMs: nowMs } : point);
    return splitAtGaps(past, this.#bucketMs);
  }
}

function addPoint(points, timeMs, value, bucketMs) {
  const newest = points.at(-1);
  if (newest?.isRough) newest.timeMs = Math.min(newest.timeMs, timeMs); // the middle of a time that is not over
  if (newest !== undefined && timeMs < newest.timeMs) return; // sent again, or from before the clock was set
  const bucket = Math.floor(timeMs / bucketMs);
  if (newest?.bucket !== bucket) {
    points.push({ timeMs, mean: value, min: value, max: value, last: value, bucket, count: 1 });
    return;
  }
  newest.timeMs = timeMs;
  newest.last = value;
  newest.count++;
  newest.mean += (value - newest.mean) / newest.count;
  newest.min = Math.min(newest.min, value);
  newest.max = Math.max(newest.max, value);
}

/**
 * What is measured more seldom than once in a bucket is no gap: a gap is a space that is much wider than the usual
 * one between this key's points.
 */
export function splitAtGaps(points, bucketMs) {
  const spaces = points.slice(1).map(({ timeMs }, index) => timeMs - points[index].timeMs);
  const usual = [...spaces].sort((a, b) => a - b)[Math.floor(spaces.length / 2)] ?? 0;
  const longestMs = GAP_FACTOR * Math.max(usual, bucketMs);
  return points.flatMap((point, index) =>
    index > 0 && spaces[index - 1] > longestMs ? [null, point] : [point]
  );
}

/** Which points of a line stand alone, so that no stroke would show them. */
export function lonePoints(line) {
  return line.flatMap((point, index) =>
    point !== null && (line[index - 1] ?? null) === null && (line[index + 1] ?? null) === null ? [index] : []
  );
}

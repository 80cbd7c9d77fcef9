// Runs in: browser.
import { lonePoints } from "./series.js";

export const WIDTH = 200;
export const HEIGHT = 40;
/** Room above and below, so that the stroke is not cut. */
const MARGIN = 4;

/** SVG paths: strokes, and for points that stand alone strokes of no length. */
export function sparkPaths(line, fromMs, toMs) {
  const means = line.flatMap((point) => point === null ? [] : [point.mean]);
  const low = Math.min(...means);
  const range = Math.max(...means) - low;
  const place = ({ timeMs, mean }) => {
    const share = range === 0 ? 0.5 : (mean - low) / range;
    const x = (timeMs - fromMs) / (toMs - fromMs) * WIDTH;
    const y = HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  const alone = lonePoints(line);
  const strokes = line.map((point, index) => {
    if (point === null || alone.includes(index)) return "";
    return `${(line[index - 1] ?? null) === null ? "M" : "L"}${place(point)}`;
  });
  return { strokes: strokes.join(""), dots: alone.map((index) => `M${place(line[index])}h0.01`).join("") };
}

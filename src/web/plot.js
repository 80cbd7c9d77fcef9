// Runs in: browser.
import { formatNumber, formatTick } from "./format.js";
import { lonePoints } from "./series.js";

/** With fewer points than this each is drawn as a dot, too. */
const FEW = 40;

/** A line as uPlot's columns: seconds, mean, least, greatest; a gap is a row of nulls between its neighbours. */
export function plotTable(line) {
  const times = line.map((point, index) => {
    if (point !== null) return point.timeMs / 1000;
    return (line[index - 1].timeMs + line[index + 1].timeMs) / 2000;
  });
  const column = (name) => line.map((point) => point === null ? null : point[name]);
  return [times, column("mean"), column("min"), column("max")];
}

/**
 * How uPlot draws it.
 *
 * @param {{ size: object, colour: (name: string) => string, onCursor: (index: number | null) => void }} options
 */
export function plotOptions({ size, colour, onCursor }) {
  const line = {
    stroke: colour("line"),
    width: 1.5,
    points: { filter: dots, size: 5, fill: colour("line") },
  };
  const edge = { stroke: "transparent", points: { show: false } };
  const axis = {
    stroke: colour("muted"),
    grid: { stroke: colour("grid"), width: 1 },
    ticks: { show: false },
  };
  return {
    ...size,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { fill: colour("line") }, y: false },
    scales: { x: { time: true, auto: false } },
    axes: [
      {
        ...axis,
        values: (_plot, splits) => splits.map((seconds) => formatTick(seconds * 1000)),
        space: 70,
        size: 30,
      },
      { ...axis, values: (_plot, splits) => splits.map(formatNumber), size: axisWidth },
    ],
    series: [{}, line, edge, edge],
    bands: [{ series: [3, 2], fill: colour("band") }],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx)] },
  };
}

function dots(plot, seriesIndex) {
  const [times, means] = plot.data;
  if (seriesIndex !== 1) return [];
  if (times.length < FEW) return times.flatMap((_, index) => means[index] === null ? [] : [index]);
  return lonePoints(means);
}

/** As wide as the longest number. */
function axisWidth(_plot, values) {
  return 18 + 7.5 * Math.max(3, ...(values ?? []).map((value) => String(value).length));
}

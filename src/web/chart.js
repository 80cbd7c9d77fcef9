// Runs in: browser.
import UPlot from "/vendor/uplot.js";
import { formatNumber, formatRelative, formatUtc } from "./format.js";
import { plotOptions, plotTable } from "./plot.js";
import { Time } from "./time.js";
import { Component, html } from "./vendor.js";

/** How far each key moves, in points. */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

/**
 * The large chart: mean, and a band from the least to the greatest. Its values can be read with the mouse, and with the
 * arrow keys, as a slider over time.
 */
export class Chart extends Component {
  /** Which point of the line is read; null: the newest. */
  state = { index: null };
  #box = null;
  #plot = null;
  #resizes = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
  #theme = matchMedia("(prefers-color-scheme: dark)");
  #rebuild = () => {
    this.#plot?.destroy();
    const colours = getComputedStyle(this.#box);
    const options = plotOptions({
      size: this.#size(),
      colour: (name) => colours.getPropertyValue(`--${name}`).trim(),
      onCursor: (index) => this.#read(index),
    });
    this.#plot = new UPlot(options, plotTable(this.props.line), this.#box);
    this.#showWindow();
  };

  componentDidMount() {
    this.#rebuild();
    this.#resizes.observe(this.#box);
    this.#theme.addEventListener("change", this.#rebuild);
  }

  componentWillUnmount() {
    this.#resizes.disconnect();
    this.#theme.removeEventListener("change", this.#rebuild);
    this.#plot.destroy();
  }

  componentDidUpdate(before) {
    if (before.line === this.props.line) return;
    this.#plot.setData(plotTable(this.props.line), false);
    this.#showWindow();
  }

  render({ name, line, clock }, { index }) {
    const points = line.filter((point) => point !== null);
    const point = index === null ? points.at(-1) : line[index];
    return html`
      <div class="chart">
        <div
          class="plot"
          tabindex="0"
          role="slider"
          aria-label="Values of ${name}"
          aria-valuemin="0"
          aria-valuemax=${Math.max(0, points.length - 1)}
          aria-valuenow=${Math.max(0, points.indexOf(point))}
          aria-valuetext=${sentence(point, clock)}
          onKeyDown=${(event) => this.#move(event, points, point)}
          onBlur=${() => this.#plot.setCursor({ left: -10, top: -10 })}
          ref=${(box) => this.#box = box}
        ></div>
        <p
          class="readout"><strong>${name}</strong>${" "}<${Readout} point=${point} clock=${clock} /></p>
      </div>
    `;
  }

  #read(index) {
    const next = index === null || index === undefined ? null : index;
    if (next !== this.state.index) this.setState({ index: next });
  }

  #move(event, points, point) {
    const step = STEPS[event.key];
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    const place = points.indexOf(point) + step;
    const next = points[Math.min(points.length - 1, Math.max(0, place))];
    const left = this.#plot.valToPos(next.timeMs / 1000, "x");
    this.#plot.setCursor({ left, top: this.#plot.valToPos(next.mean, "y") });
  }

  #showWindow() {
    const { line, clock, rangeMs } = this.props;
    const max = Math.max(clock.nowMs, line.at(-1)?.timeMs ?? 0) / 1000;
    this.#plot.setScale("x", { min: max - rangeMs / 1000, max });
  }

  #size() {
    const { clientWidth: width } = this.#box;
    return { width: Math.max(200, width), height: width < 600 ? 200 : 260 };
  }
}

function Readout({ point, clock }) {
  if ((point ?? null) === null) return "not measured";
  const { timeMs, mean } = point;
  return html`
    <span class="value">${formatNumber(mean)}</span>${spread(point)},${" "}
    <${Time} ms=${timeMs} clock=${clock} />
  `;
}

/** The same for who cannot see it. */
function sentence(point, { nowMs, isUtc }) {
  if ((point ?? null) === null) return "not measured";
  const { timeMs, mean } = point;
  return `${formatNumber(mean)}${spread(point)}, ${
    isUtc ? formatUtc(timeMs) : formatRelative(timeMs, nowMs)
  }`;
}

function spread({ min, max }) {
  return min === max ? "" : `, from ${formatNumber(min)} to ${formatNumber(max)}`;
}

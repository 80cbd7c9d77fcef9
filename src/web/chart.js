// Runs in: browser.
import UPlot from "/vendor/uplot.js";
import { plotOptions, plotTable } from "./plot.js";
import { formatNumber, formatRelative, formatUtc } from "./format.js";
import { Time } from "./time.js";
import { Component, html } from "./vendor.js";

/**
 * The large chart: mean, and a band from the least to the greatest. Its values can be read with the mouse, and with the
 * arrow keys, as a slider over time.
 */
export class Chart extends Component {
  state = { index: null };
  #box = null;
  #plot = null;
  #table = [[], [], [], []];
  #watch = new ResizeObserver(() => this.#fit());
  #theme = matchMedia("(prefers-color-scheme: dark)");
  #newTheme = () => this.#rebuild();

  componentDidMount() {
    this.#rebuild();
    this.#watch.observe(this.#box);
    this.#theme.addEventListener("change", this.#newTheme);
  }

  componentWillUnmount() {
    this.#watch.disconnect();
    this.#theme.removeEventListener("change", this.#newTheme);
    this.#plot?.destroy();
  }

  componentDidUpdate(before) {
    if (before.name !== this.props.name) return this.#rebuild();
    this.#table = plotTable(this.props.line);
    this.#plot.setData(this.#table, false);
    this.#plot.setScale("x", this.#window());
  }

  render({ name, line, clock }, { index }) {
    const points = line.filter((point) => point !== null);
    const place = index === null ? points.length - 1 : points.indexOf(line[index]);
    const point = points[place];
    return html`
      <div class="chart">
        <div class="plot" tabindex="0" role="slider" aria-label="Values of ${name}" aria-valuemin="0"
          aria-valuemax=${Math.max(0, points.length - 1)} aria-valuenow=${Math.max(0, place)}
          aria-valuetext=${point === undefined ? "no value" : sentence(point, clock)}
          onKeyDown=${(event) => this.#move(event, points, place)} ref=${(box) => this.#box = box}></div>
        <p class="readout">
          <strong>${name}</strong>
          ${point === undefined ? " no value" : html`
            <${Readout} point=${point} clock=${clock} />
          `}
        </p>
      </div>
    `;
  }

  #move(event, points, place) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    const next = points[Math.min(points.length - 1, Math.max(0, place + step))];
    this.#plot.setCursor({
      left: this.#plot.valToPos(next.timeMs / 1000, "x"),
      top: this.#plot.valToPos(next.mean, "y"),
    });
    this.setState({ index: this.props.line.indexOf(next) });
  }

  #rebuild() {
    this.#plot?.destroy();
    this.setState({ index: null });
    this.#table = plotTable(this.props.line);
    const colours = getComputedStyle(this.#box);
    const options = plotOptions({
      size: this.#size(),
      colour: (name) => colours.getPropertyValue(`--${name}`).trim(),
      onCursor: (index) => {
        const isValue = index !== null && index !== undefined && (this.props.line[index] ?? null) !== null;
        this.setState({ index: isValue ? index : null });
      },
    });
    this.#plot = new UPlot(options, this.#table, this.#box);
    this.#plot.setScale("x", this.#window());
  }

  #window() {
    const max = this.props.clock.nowMs / 1000;
    return { min: max - this.props.rangeMs / 1000, max };
  }

  #size() {
    return { width: Math.max(200, this.#box.clientWidth), height: this.#box.clientWidth < 600 ? 200 : 260 };
  }

  #fit() {
    this.#plot?.setSize(this.#size());
  }
}

function Readout({ point, clock }) {
  const { timeMs, mean, min, max } = point;
  return html`
    <span class="value">${formatNumber(mean)}</span>
    ${min !== max && html`
      <span>from ${formatNumber(min)} to ${formatNumber(max)}</span>
    `}
    ${" "}<${Time} ms=${timeMs} clock=${clock} />
  `;
}

function sentence({ timeMs, mean, min, max }, clock) {
  const spread = min === max ? "" : `, from ${formatNumber(min)} to ${formatNumber(max)}`;
  return `${formatNumber(mean)}${spread}, ${
    clock.isUtc ? formatUtc(timeMs) : formatRelative(timeMs, clock.nowMs)
  }`;
}

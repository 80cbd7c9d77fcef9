// Runs in: browser.
import { Chart } from "./chart.js";
import { formatNumber } from "./format.js";
import { Spark } from "./spark.js";
import { RANGES } from "./store.js";
import { Time } from "./time.js";
import { html } from "./vendor.js";

/** A small chart of every key, and a large one of the chosen. */
export function Measurements({ state, actions, clock }) {
  const { overview, detail, key, rangeMs } = state;
  return html`
    <section class="wide" aria-labelledby="measurements">
      <div class="bar">
        <h2 id="measurements">Measurements</h2>
        <${Ranges} rangeMs=${rangeMs} choose=${actions.chooseRange} />
      </div>
      ${overview === null && html`<p class="none">Asking the node …</p>`}
      ${overview !== null && overview.keys.length === 0 &&
        html`<p class="none">No numbers were measured in this time.</p>`}
      ${overview?.leftOut > 0 &&
        html`<p class="none">The node keeps the charts of 200 keys; ${overview.leftOut} more are only in its files.</p>`}
      ${key !== null && overview !== null && html`
        <${Chart} name=${key} line=${(detail ?? overview).line(
          key,
          clock.nowMs,
        )} rangeMs=${rangeMs} clock=${clock} />
        <${Keys} overview=${overview} chosen=${key} rangeMs=${rangeMs} choose=${actions.chooseKey}
          clock=${clock} />
      `}
    </section>
  `;
}

function Ranges({ rangeMs, choose }) {
  return html`
    <fieldset class="ranges">
      <legend class="unseen">Time that the charts show</legend>
      ${RANGES.map(({ name, ms }) =>
        html`
          <label key=${name}>
            <input type="radio" name="range" checked=${ms === rangeMs} onChange=${() => choose(ms)} />
            <span>${name}</span>
          </label>
        `
      )}
    </fieldset>
  `;
}

function Keys({ overview, chosen, rangeMs, choose, clock }) {
  return html`
    <fieldset class="keys">
      <legend class="unseen">Key that the large chart shows</legend>
      ${overview.keys.map((key) =>
        html`
          <label key=${key} title=${key}>
            <input type="radio" name="key" value=${key} checked=${key === chosen} onChange=${() =>
              choose(key)} />
            <span class="card">
              <span class="name">${key}</span>
              <${Newest} series=${overview} name=${key} clock=${clock} />
              <${Spark} line=${overview.line(key, clock.nowMs)} fromMs=${clock.nowMs - rangeMs} toMs=${clock
                .nowMs} />
            </span>
          </label>
        `
      )}
    </fieldset>
  `;
}

function Newest({ series, name, clock }) {
  const point = series.last(name);
  if (point === undefined) return html`<span class="value">–</span>`;
  const timeMs = series.timeOf(point, clock.nowMs);
  return html`
    <span class="value">${formatNumber(point.last)}</span>
    ${timeMs !== undefined && html`<span class="age"><${Time} ms=${timeMs} clock=${clock} /></span>`}
  `;
}

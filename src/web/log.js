// Runs in: browser.
import { formatUtc } from "./format.js";
import { LEVELS } from "./log_lines.js";
import { Time } from "./time.js";
import { html } from "./vendor.js";

/** The log, the newest line first. */
export function Log({ state, actions, clock }) {
  const { log, filter } = state;
  return html`
    <section class="wide" aria-labelledby="log">
      <h2 id="log">Log</h2>
      <${Filter} filter=${filter} origins=${originsOf(state)} choose=${actions.chooseFilter} />
      ${log.length === 0 && html`<p class="none">No such lines.</p>`}
      <ol class="log" tabindex="0" aria-label="Log lines, the newest first">
        ${log.map((entry) => html`<${Line} key=${entry} entry=${entry} clock=${clock} />`)}
      </ol>
    </section>
  `;
}

function Filter({ filter, origins, choose }) {
  const change = (name) => ({ currentTarget }) => choose({ [name]: currentTarget.value });
  return html`
    <form class="filter" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Least level
        <select value=${filter.level} onChange=${change("level")}>
          ${LEVELS.map((level) => html`<option key=${level} value=${level}>${level}</option>`)}
        </select>
      </label>
      <label>Origin
        <select value=${filter.origin} onChange=${change("origin")}>
          <option value="">all</option>
          ${origins.map((origin) => html`<option key=${origin} value=${origin}>${origin}</option>`)}
        </select>
      </label>
      <label class="grows">Text
        <input type="search" value=${filter.text} onInput=${change(
          "text",
        )} autocomplete="off" spellcheck="false" />
      </label>
    </form>
  `;
}

function Line({ entry, clock }) {
  const { level, origin, subject, details, time_ms: timeMs } = entry;
  return html`
    <li class=${level.toLowerCase()}>
      <${Time} ms=${timeMs} clock=${clock} />
      <span class="level">${level}</span>
      <span class="origin">${origin}</span>
      <span class="subject">${subject}</span>
      ${details !== "" && html`
        <details>
          <summary>Details</summary>
          <pre tabindex="0">${formatUtc(timeMs)}${"\n"}${details}</pre>
        </details>
      `}
    </li>
  `;
}

function originsOf({ log, filter, status }) {
  const workers = [...Object.keys(status.procedures), ...Object.keys(status.backends), "agent", "store"];
  const chosen = filter.origin === "" ? [] : [filter.origin];
  return [...new Set([...workers, ...chosen, ...log.map(({ origin }) => origin)])].sort();
}

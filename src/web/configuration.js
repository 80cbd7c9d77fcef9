// Runs in: browser.
import { Time } from "./time.js";
import { Tree } from "./tree.js";
import { html } from "./vendor.js";
import { Badge } from "./workers.js";

const LOOKS = { current: "good", rejected: "bad" };

/** The configuration, its secrets blotted out by the node, and which revisions came before. */
export function Configuration({ configuration, clock }) {
  return html`
    <section aria-labelledby="configuration">
      <h2 id="configuration">Configuration</h2>
      <${Tree} label="Settings" value=${configuration?.config} />
      ${configuration !== null && html`<${Revisions} revisions=${configuration.revisions} clock=${clock} />`}
    </section>
  `;
}

function Revisions({ revisions, clock }) {
  return html`
    <h3 class="sub">Revisions</h3>
    ${revisions.length === 0 && html`<p class="none">None has come from afar.</p>`}
    <ul class="rows revisions">
      ${revisions.map((entry, index) => html`<${Revision} key=${index} entry=${entry} clock=${clock} />`)}
    </ul>
  `;
}

function Revision({ entry: { revision, status, time_ms: timeMs, reason }, clock }) {
  return html`
    <li>
      <span class="number">${revision}</span>
      <${Badge} look=${LOOKS[status]} text=${status} />
      ${timeMs !== null && html`<${Time} ms=${timeMs} clock=${clock} />`}
      ${reason !== null && html`<p class="fault">${reason}</p>`}
    </li>
  `;
}

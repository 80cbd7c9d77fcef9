// Runs in: browser.
import { html } from "./vendor.js";

/** Facts as a list of names and values: `[name, value, class?]`; what is null is left out. */
export function Facts({ facts }) {
  const rows = facts.filter((fact) => fact !== null && fact[1] !== null && fact[1] !== undefined);
  return html`
    <dl class="facts">
      ${rows.map(([name, value, mark = ""]) =>
        html`
          <div key=${name}>
            <dt>${name}</dt>
            <dd class=${mark}>${value}</dd>
          </div>
        `
      )}
    </dl>
  `;
}

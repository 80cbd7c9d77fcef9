// Runs in: browser.
import { html } from "./vendor.js";

/** Any JSON value as nested lists of names and values; one that is long scrolls. */
export function Tree({ label, value }) {
  if (value === null || value === undefined) return html`<p class="none">Asking the node …</p>`;
  return html`
    <div class="tree" tabindex="0" role="group" aria-label=${label}>
      <${Branch} value=${value} />
    </div>
  `;
}

function Branch({ value }) {
  const entries = Object.entries(value);
  if (entries.length === 0) {
    return html`<span class="none">${Array.isArray(value) ? "empty list" : "empty"}</span>`;
  }
  return html`
    <ul>
      ${entries.map(([name, inner]) =>
        html`
          <li key=${name}>
            <span class="name">${name}</span>${" "}
            ${isBranch(inner) ? html`<${Branch} value=${inner} />` : html`<${Leaf} value=${inner} />`}
          </li>
        `
      )}
    </ul>
  `;
}

function Leaf({ value }) {
  const kind = value === null ? "nothing" : typeof value;
  return html`<span class="leaf ${kind}">${value === null ? "none" : String(value)}</span>`;
}

function isBranch(value) {
  return typeof value === "object" && value !== null;
}

// Runs in: browser.
import { Time } from "./time.js";
import { html } from "./vendor.js";

/** The node's name, the verdict in one line, and whether what one sees is true at this moment. */
export function Header({ state, actions, clock }) {
  const { status, configuration, isLive, failure, isUtc } = state;
  const token = configuration?.config.status_page?.token ?? null;
  return html`
    <header>
      <div class="bar">
        <h1>${status.system_identifier}</h1>
        <span class="live ${isLive ? "on" : "off"}">${isLive ? "live" : "not live"}</span>
        <button type="button" aria-pressed=${String(isUtc)} onClick=${() => actions.chooseTimes(!isUtc)}>
          Times in UTC
        </button>
        ${token !== null && html`<${Logout} />`}
      </div>
      <${Verdict} state=${state} clock=${clock} />
      ${status.update !== null && html`<p class="note">Update: ${status.update}</p>`}
      ${status.config_damage !== null && html`<p class="note bad">Configuration: ${status.config_damage}</p>`}
      ${failure !== null && html`<p class="note bad" role="alert">${failure}</p>`}
    </header>
  `;
}

function Verdict({ state: { status, isLive, lostMs, clockOffsetMs }, clock }) {
  const { well, text } = status.verdict;
  const kind = !isLive ? "lost" : well ? "well" : "unwell";
  return html`
    <div class="verdict ${kind}">
      <span class="mark" aria-hidden="true">${{ well: "✓", unwell: "✗", lost: "?" }[kind]}</span>
      <p role="status">${isLive ? text : "No connection to the node: trying again. What you see is old."}</p>
      ${!isLive && html`<p class="since">Lost <${Time} ms=${lostMs + clockOffsetMs} clock=${clock} /></p>`}
    </div>
  `;
}

function Logout() {
  return html`<form method="post" action="/logout"><button>Log out</button></form>`;
}

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

const LOOKS = {
  well: { mark: "✓", said: "The node is well." },
  unwell: { mark: "✗", said: "The node is not well." },
  lost: { mark: "?", said: "There is no connection to the node." },
};

/** A screen reader says only changes between well, not well and lost: seconds in the text change all the time. */
function Verdict({ state: { status, isLive, lostMs, clockOffsetMs }, clock }) {
  const { well, text } = status.verdict;
  const look = !isLive ? "lost" : well ? "well" : "unwell";
  const { mark, said } = LOOKS[look];
  return html`
    <div class="verdict ${look}">
      <span class="mark" aria-hidden="true">${mark}</span>
      <p class="text">${isLive ? text : "No connection to the node: trying again. What you see is old."}</p>
      <p class="unseen" role="status">${said}</p>
      ${!isLive && html`<p class="since">Lost <${Time} ms=${lostMs + clockOffsetMs} clock=${clock} /></p>`}
    </div>
  `;
}

function Logout() {
  return html`<form method="post" action="/logout"><button>Log out</button></form>`;
}

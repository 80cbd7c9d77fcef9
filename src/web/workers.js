// Runs in: browser.
import { Facts } from "./facts.js";
import { formatBytes, formatCount, formatNumber } from "./format.js";
import { Time } from "./time.js";
import { html } from "./vendor.js";

/** How a worker's state looks: what is neither good nor bad is neutral. */
const LOOKS = { running: "good", backoff: "bad" };

/** The procedures, and the thread that stores what they measure. */
export function Procedures({ procedures, store, clock }) {
  const rows = Object.entries(procedures);
  return html`
    <section aria-labelledby="procedures">
      <h2 id="procedures">Procedures</h2>
      ${rows.length === 0 && html`<p class="none">None is enabled.</p>`}
      <ul class="rows">
        ${rows.map(([name, worker]) =>
          html`<${Worker} key=${name} name=${name} worker=${worker} clock=${clock} />`
        )}
        <${Worker} key="store" name="store" kind="keeps the messages" worker=${store} clock=${clock} />
      </ul>
    </section>
  `;
}

function Worker({ name, kind, worker, clock }) {
  return html`
    <li>
      <h3>${name}</h3>
      <${Badge} look=${LOOKS[worker.state]} text=${worker.state} />
      ${kind !== undefined && html`<span class="kind">${kind}</span>`}
      <${Facts} facts=${workerFacts(worker, clock)} />
      <${LastError} error=${worker.last_error} clock=${clock} />
    </li>
  `;
}

function workerFacts({ restarts, heap_bytes: heap, seconds_since_heartbeat: beat }, clock) {
  return [
    ["Restarts", formatCount(restarts), restarts > 0 ? "warn" : ""],
    ["Heap", formatBytes(heap)],
    ["Heartbeat", beat === null ? null : html`<${Time} ms=${clock.statusMs - beat * 1000} clock=${clock} />`],
  ];
}

function LastError({ error, clock }) {
  if (error === null) return null;
  return html`<p class="fault">Last error <${Time} ms=${error.time_ms} clock=${clock} />: ${error.message}</p>`;
}

/** Where messages go. */
export function Backends({ backends, clock }) {
  const rows = Object.entries(backends);
  return html`
    <section aria-labelledby="backends">
      <h2 id="backends">Backends</h2>
      ${rows.length === 0 && html`<p class="none">None: messages are kept in local files only.</p>`}
      <ul class="rows">
        ${rows.map(([name, backend]) =>
          html`<${Backend} key=${name} name=${name} backend=${backend} clock=${clock} />`
        )}
      </ul>
    </section>
  `;
}

function Backend({ name, backend, clock }) {
  const { connected, connection, connection_since_ms: since, provider } = backend;
  return html`
    <li>
      <h3>${name}</h3>
      <${Badge} look=${connected ? "good" : "bad"} text=${connected ? "connected" : "not connected"} />
      ${provider !== name && html`<span class="kind">${provider}</span>`}
      <p class="connection">${connection}, since <${Time} ms=${since} clock=${clock} /></p>
      <${Facts} facts=${[...queueFacts(backend, clock), ...workerFacts(backend, clock)]} />
      <${LastError} error=${backend.last_error} clock=${clock} />
    </li>
  `;
}

function queueFacts({ messages, rate_per_s: rate, last_sent_ms: lastSent }, clock) {
  const time = (ms) => (ms ?? null) === null ? null : html`<${Time} ms=${ms} clock=${clock} />`;
  const { waiting, oldest_waiting_ms: oldest, acknowledged, parked, dropped } = messages ?? {};
  const count = (value) => value === undefined ? null : formatCount(value);
  return [
    ["Waiting", count(waiting), waiting > 0 ? "strong" : ""],
    ["Oldest waiting", time(oldest)],
    ["Rate", (rate ?? null) === null ? null : `${formatNumber(rate)}/s`],
    ["Last sent", time(lastSent)],
    ["Acknowledged", count(acknowledged)],
    ["Parked", count(parked), parked > 0 ? "warn" : ""],
    ["Dropped", count(dropped), dropped > 0 ? "warn" : ""],
  ];
}

export function Badge({ look = "", text }) {
  return html`<span class="badge ${look}">${text}</span>`;
}

// Runs in: browser.
import { Backends, Procedures } from "./workers.js";
import { Configuration } from "./configuration.js";
import { Header } from "./header.js";
import { Log } from "./log.js";
import { Machine } from "./machine.js";
import { Measurements } from "./measurements.js";
import { Tree } from "./tree.js";
import { html } from "./vendor.js";

/** The whole page; `nowMs` is the node's time. */
export function Page({ state, actions, nowMs }) {
  const { status, isUtc } = state;
  const clock = { nowMs, isUtc, statusMs: status?.clock.time_ms, offsetMs: state.clockOffsetMs };
  if (status === null) return html`<${Waiting} state=${state} />`;
  return html`
    <${Header} state=${state} actions=${actions} clock=${clock} />
    <main class=${state.isLive ? "" : "stale"}>
      <${Measurements} state=${state} actions=${actions} clock=${clock} />
      <${Procedures} procedures=${status.procedures} store=${status.store} clock=${clock} />
      <${Backends} backends=${status.backends} clock=${clock} />
      <${Log} state=${state} actions=${actions} clock=${clock} />
      <section aria-labelledby="shared">
        <h2 id="shared">Shared state</h2>
        <${Tree} label="Fields of the shared state" value=${state.shared} />
      </section>
      <${Configuration} configuration=${state.configuration} clock=${clock} />
      <${Machine} status=${status} clock=${clock} />
    </main>
  `;
}

function Waiting({ state }) {
  return html`
    <main>
      <h1>Ivy</h1>
      <p role="status">${state.failure ?? "Asking the node …"}</p>
    </main>
  `;
}

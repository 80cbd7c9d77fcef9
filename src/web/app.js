// Runs in: browser.
import { Actions } from "./actions.js";
import { Page } from "./page.js";
import { Store } from "./store.js";
import { followTogether } from "./stream.js";
import { html, render } from "./vendor.js";

const store = new Store();
const actions = new Actions(store);
const root = document.getElementById("page");

store.subscribe((state) => {
  render(html`<${Page} state=${state} actions=${actions} nowMs=${store.nodeNowMs} />`, root);
  document.title = titleOf(state);
});
followTogether(actions.handlers, (isLive) => actions.streamChanged(isLive));
setInterval(() => store.set({ nowMs: Date.now() }), 1000);
await actions.load();

/** In a row of thirty tabs, the first character says which node needs somebody. */
function titleOf({ status, isLive }) {
  if (status === null) return "Ivy";
  const mark = !isLive ? "?" : status.verdict.well ? "✓" : "✗";
  return `${mark} ${status.system_identifier} – Ivy`;
}

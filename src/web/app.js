import htm from "/vendor/htm.js";
import { h, render } from "/vendor/preact.js";

const html = htm.bind(h);

const status = await (await fetch("/api/v1/status")).json();
render(
  html`
    <pre>${JSON.stringify(status, null, 2)}</pre>
  `,
  document.body,
);

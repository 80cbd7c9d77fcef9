// Runs in: browser.
import htm from "/vendor/htm.js";
import { Component, h, render } from "/vendor/preact.js";

/** JSX without a build step: html`<p>${text}</p>`. What is put in stays text, whatever it contains. */
const html = htm.bind(h);

export { Component, html, render };

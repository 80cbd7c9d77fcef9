// Runs in: browser.
import htm from "/vendor/htm.js";
import { Component, h, options, render } from "/vendor/preact.js";
import { visibleText } from "./visible_text.js";

/** JSX without a build step: html`<p>${text}</p>`. What is put in stays text, whatever it contains. */
const html = htm.bind(h);

const READ_ALOUD = ["aria-label", "title"];

/** Texts come from sensors and servers: what would turn their direction, say, is shown instead of obeyed. */
options.vnode = (vnode) => {
  if (typeof vnode.props === "string") vnode.props = visibleText(vnode.props);
  if (typeof vnode.type !== "string") return;
  for (const name of READ_ALOUD) {
    if (typeof vnode.props[name] === "string") vnode.props[name] = visibleText(vnode.props[name]);
  }
};

export { Component, html, render };

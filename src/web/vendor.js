// Runs in: browser.
import htm from "/vendor/htm.js";
import { Component, h, options, render } from "/vendor/preact.js";
import OBEYED from "/obeyed.js";

/** JSX without a build step: html`<p>${text}</p>`. What is put in stays text, whatever it contains. */
const html = htm.bind(h);

const READ_ALOUD = ["aria-label", "title"];

/** Texts come from sensors and servers: what would turn their direction, say, is shown instead of obeyed. */
options.vnode = (vnode) => {
  if (typeof vnode.props === "string") vnode.props = visible(vnode.props);
  if (typeof vnode.type !== "string") return;
  for (const name of READ_ALOUD) {
    if (typeof vnode.props[name] === "string") vnode.props[name] = visible(vnode.props[name]);
  }
};

function visible(text) {
  const show = (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.split("\n").map((line) => line.replace(OBEYED, show)).join("\n");
}

export { Component, html, render };

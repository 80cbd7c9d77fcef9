// Runs in: main thread.
import htm from "htm" with { type: "text" };
import preact from "preact" with { type: "text" };
import hooks from "preact/hooks" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import app from "../../web/app.js" with { type: "text" };
import index from "../../web/index.html" with { type: "text" };
import login from "../../web/login.html" with { type: "text" };
import style from "../../web/style.css" with { type: "text" };

/** A file of the page, as the browser gets it. */
export interface Asset {
  /** MIME type. */
  type: string;
  text: string;
}

const html = (text: string): Asset => ({ type: "text/html; charset=utf-8", text });
const css = (text: string): Asset => ({ type: "text/css; charset=utf-8", text });
const script = (text: string): Asset => ({ type: "text/javascript; charset=utf-8", text });

/** The page itself; whoever gives no token sees {@link loginForm} instead. */
export const indexPage: Asset = html(index);
export const loginForm: Asset = html(login);

/**
 * Files by path. They hold nothing of a node, so nobody needs a token for them. The libraries are served as their
 * packages have them, but for what a browser needs to find them without an import map (that would be an inline script).
 */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "/app.js": script(app),
  "/style.css": css(style),
  "/vendor/htm.js": script(library(htm)),
  "/vendor/preact.js": script(library(preact)),
  "/vendor/hooks.js": script(library(hooks).replace('from"preact"', 'from"./preact.js"')),
  "/vendor/uplot.js": script(`${library(uplot)}\nexport default uPlot;\n`),
  "/vendor/uplot.css": css(uplotStyle),
};

/** Without the name of a source map that is not served. */
function library(text: string): string {
  return text.replace(/\/\/# sourceMappingURL=\S+\s*$/, "");
}

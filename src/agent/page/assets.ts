// Runs in: main thread.
import htm from "htm" with { type: "text" };
import preact from "preact" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import actions from "../../web/actions.js" with { type: "text" };
import api from "../../web/api.js" with { type: "text" };
import app from "../../web/app.js" with { type: "text" };
import chart from "../../web/chart.js" with { type: "text" };
import configuration from "../../web/configuration.js" with { type: "text" };
import facts from "../../web/facts.js" with { type: "text" };
import format from "../../web/format.js" with { type: "text" };
import header from "../../web/header.js" with { type: "text" };
import log from "../../web/log.js" with { type: "text" };
import logLines from "../../web/log_lines.js" with { type: "text" };
import login from "../../web/login.js" with { type: "text" };
import machine from "../../web/machine.js" with { type: "text" };
import measurements from "../../web/measurements.js" with { type: "text" };
import page from "../../web/page.js" with { type: "text" };
import plot from "../../web/plot.js" with { type: "text" };
import series from "../../web/series.js" with { type: "text" };
import sharedStream from "../../web/shared_stream.js" with { type: "text" };
import spark from "../../web/spark.js" with { type: "text" };
import sparkPaths from "../../web/spark_paths.js" with { type: "text" };
import store from "../../web/store.js" with { type: "text" };
import stream from "../../web/stream.js" with { type: "text" };
import time from "../../web/time.js" with { type: "text" };
import tree from "../../web/tree.js" with { type: "text" };
import vendor from "../../web/vendor.js" with { type: "text" };
import visibleText from "../../web/visible_text.js" with { type: "text" };
import workers from "../../web/workers.js" with { type: "text" };
import indexHtml from "../../web/index.html" with { type: "text" };
import loginHtml from "../../web/login.html" with { type: "text" };
import icon from "../../web/icon.svg" with { type: "text" };
import details from "../../web/details.css" with { type: "text" };
import overview from "../../web/overview.css" with { type: "text" };
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

/** The page itself; whoever gives no token is sent to {@link loginForm}. */
export const indexPage: Asset = html(indexHtml);
export const loginForm: Asset = html(loginHtml);

/**
 * Files by path. They hold nothing of a node, so nobody needs a token for them. The libraries are served as their
 * packages have them.
 */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "/actions.js": script(actions),
  "/api.js": script(api),
  "/app.js": script(app),
  "/chart.js": script(chart),
  "/configuration.js": script(configuration),
  "/facts.js": script(facts),
  "/format.js": script(format),
  "/header.js": script(header),
  "/log.js": script(log),
  "/log_lines.js": script(logLines),
  "/login.js": script(login),
  "/machine.js": script(machine),
  "/measurements.js": script(measurements),
  "/page.js": script(page),
  "/plot.js": script(plot),
  "/series.js": script(series),
  "/shared_stream.js": script(sharedStream),
  "/spark.js": script(spark),
  "/spark_paths.js": script(sparkPaths),
  "/store.js": script(store),
  "/stream.js": script(stream),
  "/time.js": script(time),
  "/tree.js": script(tree),
  "/vendor.js": script(vendor),
  "/visible_text.js": script(visibleText),
  "/workers.js": script(workers),
  "/icon.svg": { type: "image/svg+xml", text: icon },
  "/style.css": css(style),
  "/overview.css": css(overview),
  "/details.css": css(details),
  "/vendor/htm.js": script(library(htm)),
  "/vendor/preact.js": script(library(preact)),
  "/vendor/uplot.js": script(`${library(uplot)}\nexport default uPlot;\n`),
  "/vendor/uplot.css": css(uplotStyle),
};

/** Without the name of a source map that is not served. */
function library(text: string): string {
  return text.replace(/\/\/# sourceMappingURL=\S+\s*$/, "");
}

// Runs in: tests.
import { join } from "@std/path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findProgram } from "./needs.ts";

/** A busy machine may take this long to show something, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Debian's Chromium, without a window; it ends when the test's scope does. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = findProgram("chromium");
  if (executablePath === undefined) throw new Error("chromium is missing");
  // Root has no sandbox of Chromium's own; in containers /dev/shm is small.
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A page, and everything about it that a person would not like. It is closed when its scope ends. */
export interface WatchedPage extends AsyncDisposable {
  page: Page;
  /** Errors and warnings on the console, uncaught errors too. */
  errors: string[];
  /** What was asked of anybody but the page's own server. */
  foreign: string[];
}

/** Opens a page in a browser without a past, and watches its console and its requests. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  const foreign: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) foreign.push(request.url());
  });
  const saveCoverage = await startCoverage(page);
  await page.goto(url);
  return {
    page,
    errors,
    foreign,
    [Symbol.asyncDispose]: async () => {
      await saveCoverage();
      await context.close();
    },
  };
}

/** Lets the browser write profiles of what it runs of `src/web` where coverage is measured. */
async function startCoverage(page: Page): Promise<() => Promise<void>> {
  const folder = Deno.env.get("IVY_COVERAGE");
  if (!folder) return () => Promise.resolve();
  await page.coverage.startJSCoverage({ resetOnNavigation: false });
  return async () => {
    for (const { url, scriptId, functions } of await page.coverage.stopJSCoverage()) {
      const path = new URL(url).pathname;
      if (path.startsWith("/vendor/") || !path.endsWith(".js")) continue;
      const profile = { scriptId, url: new URL(`../../src/web${path}`, import.meta.url).href, functions };
      await Deno.writeTextFile(join(folder, `${crypto.randomUUID()}.json`), JSON.stringify(profile));
    }
  };
}

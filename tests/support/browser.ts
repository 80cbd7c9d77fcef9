// Runs in: tests.
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { findProgram } from "./needs.ts";

/** Debian's Chromium, without a window; it ends when the test's scope does. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  const executablePath = findProgram("chromium");
  if (executablePath === undefined) throw new Error("chromium is missing");
  // Root has no sandbox of Chromium's own; in containers /dev/shm is small.
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  return await chromium.launch({ executablePath, args });
}

/** A page, and everything about it that a person would not like. */
export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Errors on the console, uncaught ones too. */
  errors: string[];
  /** What was asked of anybody but the page's own server. */
  foreign: string[];
}

/** Opens a page and watches its console and its requests. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const foreign: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) foreign.push(request.url());
  });
  await page.goto(url);
  return { page, context, errors, foreign };
}

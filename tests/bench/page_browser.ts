// Runs in: benchmarks.
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { ASSETS, indexPage } from "../../src/agent/page/assets.ts";
import { compiledIvy } from "../support/binary.ts";
import { startBrowser } from "../support/browser.ts";
import { firstChartMs, noteFirstChart } from "../support/in_page.js";
import { measureDay } from "../support/measured_day.ts";
import { PageNode } from "../support/page_node.ts";
import { cpuSeconds, residentMb } from "./agent.ts";
import { type BenchRow, formatRow, median, printLine } from "./row.ts";

const KEYS = 20;
const TABS = 10;
const ROUNDS = 7;

/** Milliseconds from asking for the page to the first chart, in a browser that has never seen it. */
async function measureLoad(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.addInitScript(noteFirstChart);
    await page.goto(url);
    return await page.evaluate(firstChartMs);
  } finally {
    await context.close();
  }
}

async function loadRows(browser: Browser, url: string): Promise<BenchRow[]> {
  const cold = await measureLoad(browser, url);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await measureLoad(browser, url));
  const row = (name: string, value: number) => ({
    name,
    value,
    unit: "ms",
    goal: "≤ 1000 ms",
    met: value <= 1000,
  });
  return [
    row(`page asked for to first chart, a day of ${KEYS} keys at 1/s`, median(times)),
    row("the same for the first page since the node was started", cold),
  ];
}

/** What the agent uses while `open` pages are open, over some seconds. */
async function usage(pid: number, seconds: number): Promise<{ percent: number; mb: number }> {
  const before = cpuSeconds(pid);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return { percent: (cpuSeconds(pid) - before) / seconds * 100, mb: residentMb(pid) };
}

async function openTabs(browser: Browser, url: string, areStrangers: boolean): Promise<Page[]> {
  const shared = await browser.newContext();
  const pages: Page[] = [];
  for (let tab = 0; tab < TABS; tab++) {
    const page = await (areStrangers ? await browser.newContext() : shared).newPage();
    await page.goto(url);
    await page.getByText("live", { exact: true }).waitFor();
    pages.push(page);
  }
  return pages;
}

async function tabRows(browser: Browser, url: string, pid: number, seconds: number): Promise<BenchRow[]> {
  const alone = await usage(pid, seconds);
  const rows: BenchRow[] = [{
    name: `load without a page, over ${seconds} s`,
    value: alone.percent,
    unit: "% of one core",
  }];
  for (const areStrangers of [false, true]) {
    const pages = await openTabs(browser, url, areStrangers);
    const { percent, mb } = await usage(pid, seconds);
    for (const page of pages) await page.context().close();
    const who = areStrangers ? `${TABS} pages in browsers of their own` : `${TABS} tabs of one browser`;
    const extra = percent - alone.percent;
    rows.push(
      { name: `load that ${who} add`, value: extra, unit: "% of one core", goal: "≤ 2 %", met: extra <= 2 },
      { name: `memory with ${who}`, value: mb, unit: "MB", limit: alone.mb, limitName: "before" },
    );
  }
  return rows;
}

function sizeRow(): BenchRow {
  const bytes = [...Object.values(ASSETS), indexPage].map(({ text }) => gzipSync(text).length);
  const kilobytes = bytes.reduce((sum, size) => sum + size, 0) / 1000;
  return {
    name: "all files of the page, gzipped",
    value: kilobytes,
    unit: "kB",
    goal: "≤ 100 kB",
    met: kilobytes <= 100,
  };
}

/** Every figure of the status page in a browser; behind it are 24 hours at one message a second of {@link KEYS} keys. */
export async function benchPageBrowser(seconds = 30): Promise<BenchRow[]> {
  await using page = await PageNode.start({
    program: [await compiledIvy({ entry: "tests/support/misbehaving_main.ts" })],
    procedures: { measures_much: { keys: KEYS, seconds: 1 } },
    before: async ({ paths }) => await measureDay(paths.data, { keys: KEYS, nowMs: Date.now() }),
  });
  const { url, agent: { pid } } = page;
  const browser = await startBrowser();
  try {
    return [sizeRow(), ...await loadRows(browser, url), ...await tabRows(browser, url, pid, seconds)];
  } finally {
    await browser.close();
  }
}

if (import.meta.main) {
  for (const row of await benchPageBrowser(Number(Deno.args[0] ?? 30))) printLine(formatRow(row));
}

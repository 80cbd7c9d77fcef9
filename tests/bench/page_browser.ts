// Runs in: benchmarks.
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { ASSETS, indexPage } from "../../src/agent/page/assets.ts";
import { compiledIvy } from "../support/binary.ts";
import { startBrowser } from "../support/browser.ts";
import { freePort } from "../support/free_port.ts";
import { firstChartMs, noteFirstChart } from "../support/in_page.js";
import { TestNode } from "../support/node.ts";
import { cpuSeconds, residentMb } from "./agent.ts";
import { type BenchRow, formatRow, median, printLine } from "./row.ts";

const DAY_SECONDS = 86_400;
const KEYS = 20;
const TABS = 10;
const ROUNDS = 7;

/** A node that has measured 20 numbers each second for a day, and goes on with 13 each second. */
async function startNode() {
  const node = new TestNode({
    program: [await compiledIvy()],
    procedures: {
      random_walk: { seconds_between_datapoints: 1 },
      system_checks: { seconds_between_checks: 1 },
    },
  });
  const port = freePort();
  node.configure((config) => config["status_page"] = { host: "127.0.0.1", port, token: null });
  writeDay(node.paths.messages, Date.now());
  const agent = await node.run().ready();
  return { node, agent, url: `http://127.0.0.1:${port}` };
}

function writeDay(folder: string, nowMs: number): void {
  Deno.mkdirSync(folder, { recursive: true });
  const days = new Map<string, string[]>();
  for (let id = 1; id <= DAY_SECONDS; id++) {
    const timeMs = nowMs - (DAY_SECONDS - id + 1) * 1000;
    const day = new Date(timeMs).toISOString().slice(0, 10);
    const data = Object.fromEntries(
      Array.from(
        { length: KEYS },
        (_, key) => [`channel_${key}`, Number((Math.sin(id / 900 + key) * 40).toFixed(3))],
      ),
    );
    const line = { id, timestamp: timeMs / 1000, message_body: { variant: "data", data } };
    days.set(day, days.get(day) ?? []);
    days.get(day)!.push(`${JSON.stringify(line)}\n`);
  }
  for (const [day, lines] of days) Deno.writeTextFileSync(join(folder, `${day}.jsonl`), lines.join(""));
}

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

/** Every figure of the status page in a browser. */
export async function benchPageBrowser(seconds = 30): Promise<BenchRow[]> {
  const { node, agent, url } = await startNode();
  const browser = await startBrowser();
  try {
    return [sizeRow(), ...await loadRows(browser, url), ...await tabRows(browser, url, agent.pid, seconds)];
  } finally {
    await browser.close();
    await agent.kill();
    await node[Symbol.asyncDispose]();
  }
}

if (import.meta.main) {
  for (const row of await benchPageBrowser(Number(Deno.args[0] ?? 30))) printLine(formatRow(row));
}

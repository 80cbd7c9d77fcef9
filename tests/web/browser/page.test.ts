// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser } from "playwright-core";
import { openPage, startBrowser } from "../../support/browser.ts";
import { needs } from "../../support/needs.ts";
import { type PageAnswers, pageAnswers } from "../../support/page_answers.ts";
import { animationOf, focusedName } from "../../support/in_page.js";
import { axeViolations, isWiderThanScreen, strokedColumns } from "../../support/page_looks.ts";
import { startPageServer } from "../../support/page_server.ts";
import { until } from "../../support/until.ts";

const ignore = needs("chromium") !== undefined;
const MINUTE_MS = 60_000;
const STEPS: [string, (browser: Browser) => Promise<void>][] = [];

function step(name: string, work: (browser: Browser) => Promise<void>): void {
  STEPS.push([name, work]);
}

step("a chart has a gap where nothing was measured, and a dot where little was", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page, errors } = watched;
  await page.getByText("3 more are only in its files").waitFor();
  await page.getByRole("radio", { name: "hole_c" }).check();
  await page.locator(".readout", { hasText: "hole_c" }).waitFor();
  await until("the chart is drawn", async () => (await strokedColumns(page, 0, 1)).stroked > 100);
  const [before, hole, after] = [
    await strokedColumns(page, 0.02, 0.64),
    await strokedColumns(page, 0.68, 0.82),
    await strokedColumns(page, 0.86, 0.98),
  ];
  const share = ({ stroked, of }: { stroked: number; of: number }) => Math.round(100 * stroked / of);
  assertEquals([share(before), hole.stroked, share(after)], [100, 0, 100]);
  await page.getByRole("radio", { name: "once" }).check();
  await until("the dot is drawn", async () => {
    const { stroked } = await strokedColumns(page, 0.4, 0.6);
    return stroked > 2 && stroked < 40;
  });
  assertEquals(errors, []);
});

step("whatever a node says is shown as text", async (browser) => {
  const rude = `<img src=x onerror="document.title='broken'"><b>&amp;</b>`;
  const answers = pageAnswers(Date.now());
  Object.assign(answers.status, { system_identifier: rude, update: rude, config_damage: rude });
  Object.assign(answers.status["verdict"] as object, { text: rude });
  const procedures = answers.status["procedures"] as Record<string, Record<string, unknown>>;
  procedures[rude] = { ...procedures["thermometer"], last_error: { time_ms: 0, message: rude } };
  answers.measure[rude] = () => 1;
  answers.logs.push({ time_ms: Date.now(), level: "ERROR", origin: rude, subject: rude, details: rude });
  answers.state[rude] = rude;
  answers.config = {
    config: { [rude]: rude },
    revisions: [{ revision: 1, status: rude, time_ms: null, reason: rude }],
  };
  await using server = startPageServer(answers);
  await using watched = await openPage(browser, server.url);
  const { page, errors } = watched;
  await page.getByText("Machine").waitFor();
  await page.locator(".log li").first().waitFor();
  assertEquals(await page.locator("img").count(), 0);
  assert((await page.getByText(rude).count()) > 10);
  assertMatch(await page.title(), /<img src=x/);
  assertEquals(errors, []);
});

step("a lost stream is said, and is resumed where it was cut", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page } = watched;
  const verdict = page.locator(".verdict");
  await page.getByText("live", { exact: true }).waitFor();
  server.send("log", {
    time_ms: Date.now(),
    level: "INFO",
    origin: "main",
    subject: "line before",
    details: "",
  });
  await page.getByText("line before").waitFor();
  server.cut(503);
  await page.getByText("not live").waitFor();
  assertMatch(await verdict.innerText(), /No connection to the node: trying again[^]*Lost/);
  assertMatch(await page.title(), /^\? /);
  server.cut(200);
  await page.getByText("live", { exact: true }).waitFor();
  await until("the verdict is back", async () => /^✓\s+Well/.test(await verdict.innerText()));

  const before = server.resumed.length;
  server.send("points", { time_ms: Date.now(), values: { co2: 999 } });
  await page.locator(".card", { hasText: "999" }).waitFor();
  server.cut(200);
  await until("it is resumed", () => server.resumed.length > before);
  assertMatch(server.resumed.at(-1)!, /^\d+$/);
});

step("everything can be reached and read by the keyboard", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page, errors } = watched;
  const chart = page.getByRole("slider", { name: "Values of co2" });
  await chart.waitFor();
  await until("all points are there", async () => Number(await chart.getAttribute("aria-valuemax")) > 400);
  const stops: string[] = [];
  await page.keyboard.press("Tab");
  for (let stop = 0; stop < 10 && !stops.includes("Log lines, the newest first"); stop++) {
    stops.push(await page.evaluate(focusedName));
    await page.keyboard.press("Tab");
  }
  assertEquals(stops.slice(0, 4), ["Times in UTC", "range", "Values of co2", "key"]);
  assert(stops.includes("Log lines, the newest first"), stops.join());

  await chart.focus();
  const newest = await chart.getAttribute("aria-valuemax");
  await page.keyboard.press("Home");
  await until("the oldest is read", async () => await chart.getAttribute("aria-valuenow") === "0");
  assertMatch((await chart.getAttribute("aria-valuetext"))!, /^[\d.]+, from [\d.]+ to [\d.]+, 2[34] h ago$/);
  assertMatch(await page.locator(".readout").innerText(), /2[34] h ago/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("PageDown");
  await until("eleven further", async () => await chart.getAttribute("aria-valuenow") === "11");
  await page.keyboard.press("End");
  await until("the newest is read", async () => await chart.getAttribute("aria-valuenow") === newest);

  await page.getByRole("radio", { name: "co2" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("slider", { name: "Values of hole_c" }).waitFor();
  await page.getByRole("button", { name: "Times in UTC" }).press("Enter");
  await page.locator(".readout time", { hasText: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/ }).waitFor();
  assertMatch((await page.locator(".readout time").getAttribute("title"))!, / ago$/);
  assertEquals(errors, []);
});

step("axe finds nothing, and nothing is too wide: phone and desk, light and dark", async (browser) => {
  await using server = startPageServer();
  for (const width of [390, 1400]) {
    for (const colorScheme of ["light", "dark"] as const) {
      const screen = { viewport: { width, height: 900 }, isMobile: width < 500, hasTouch: width < 500 };
      const options = { ...screen, colorScheme, reducedMotion: "reduce" } as const;
      await using watched = await openPage(browser, server.url, options);
      const { page, errors, foreign } = watched;
      await page.locator(".plot canvas").waitFor();
      await page.getByText("live", { exact: true }).waitFor();
      const animation = await page.locator(".live").evaluate(animationOf);
      assertEquals(animation, "none", "reduced motion is respected");
      assertEquals(await axeViolations(page), []);
      assert(!await isWiderThanScreen(page), `${width} px`);
      await page.goto(`${server.url}/login?failed=1`);
      await page.getByText("This is not the token.").waitFor();
      assertEquals(await axeViolations(page), []);
      assertEquals([errors, foreign], [[], []]);
    }
  }
});

step("the chart takes the colours of the evening", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url, { colorScheme: "light" });
  const { page } = watched;
  const isDrawn = async () => (await strokedColumns(page, 0, 1)).stroked > 100;
  await page.locator(".plot canvas").waitFor();
  await until("the line is drawn in the light's colour", isDrawn);
  await page.emulateMedia({ colorScheme: "dark" });
  await until("the line is drawn in the dark's colour", isDrawn);
});

step("ten tabs share one stream, so that a browser's six connections are enough", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page } = watched;
  await page.getByText("live", { exact: true }).waitFor();
  const tabs = [page];
  for (let tab = 1; tab < 10; tab++) {
    const next = await page.context().newPage();
    await next.goto(server.url);
    tabs.push(next);
  }
  for (const tab of tabs) await tab.getByText("live", { exact: true }).waitFor();
  assertEquals(server.resumed.length, 1);
  await tabs[3]!.close();
  server.send("points", { time_ms: Date.now(), values: { co2: 777 } });
  for (const tab of tabs) if (!tab.isClosed()) await tab.locator(".card", { hasText: "777" }).waitFor();
});

step("where tabs cannot share, as on a phone, each has a stream of its own", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page, errors } = watched;
  await page.getByText("live", { exact: true }).waitFor();
  await page.addInitScript(() => Reflect.deleteProperty(globalThis, "SharedWorker"));
  const before = server.resumed.length;
  await page.reload();
  await page.getByText("live", { exact: true }).waitFor();
  await until("a second stream", () => server.resumed.length === before + 1);
  server.send("state", { overloaded: true });
  await page.getByText("overloaded true").waitFor();
  server.send("status", { ...server.answers.status, verdict: { well: false, text: "Not well: too hot" } });
  await page.getByText("Not well: too hot").waitFor();
  assertMatch(await page.title(), /^✗ roof-1/);
  assertEquals(errors, []);
});

step("a node that cannot answer at first says so, and appears when it can", async (browser) => {
  const answers: PageAnswers = pageAnswers(Date.now());
  const { status } = answers;
  answers.status = null;
  await using server = startPageServer(answers);
  server.cut(503);
  await using watched = await openPage(browser, server.url);
  await watched.page.getByText("The node answered status with 503.").waitFor();
  answers.status = status;
  server.cut(200);
  await watched.page.getByText("Well: 3 procedures measuring").waitFor();
  await watched.page.locator(".plot canvas").waitFor();
});

step(
  "another node behind the same address, as by another tunnel, is shown from its beginning",
  async (browser) => {
    await using server = startPageServer();
    await using watched = await openPage(browser, server.url);
    const { page } = watched;
    await page.getByText("used memory is 93.0 %").waitFor();
    const { answers } = server;
    answers.logs = [];
    answers.status = { ...answers.status, system_identifier: "roof-2" };
    server.send("status", answers.status);
    await page.getByRole("heading", { name: "roof-2" }).waitFor();
    await page.getByText("No such lines.").waitFor();
  },
);

step("a shorter time shows only what is younger", async (browser) => {
  await using server = startPageServer();
  await using watched = await openPage(browser, server.url);
  const { page } = watched;
  await page.getByRole("radio", { name: "15 min" }).check();
  const chart = page.getByRole("slider", { name: "Values of co2" });
  await until("the oldest is young", async () => {
    await chart.press("Home");
    return /1[45] min ago$/.test((await chart.getAttribute("aria-valuetext"))!);
  });
  assert(server.answers.measure["co2"]!(Date.now() - 20 * MINUTE_MS) !== null);
});

Deno.test({
  name: "the page, in Chromium, with canned answers",
  ignore,
  async fn(t) {
    const browser = await startBrowser();
    try {
      for (const [name, work] of STEPS) await t.step(name, () => work(browser));
    } finally {
      await browser.close();
    }
  },
});

// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openPage } from "../../support/browser.ts";
import { browserTest } from "../../support/browser_steps.ts";
import { animationOf, focusedName } from "../../support/in_page.js";
import { needs } from "../../support/needs.ts";
import { pageAnswers } from "../../support/page_answers.ts";
import { axeViolations, isWiderThanScreen, strokedColumns } from "../../support/page_looks.ts";
import { startPageServer } from "../../support/page_server.ts";
import { until } from "../../support/until.ts";

const MINUTE_MS = 60_000;

browserTest("what the page shows of canned answers, in Chromium", needs("chromium") !== undefined, [
  ["a chart has a gap where nothing was measured, and a dot where little was", async (browser) => {
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
  }],
  ["whatever a node says is shown as text", async (browser) => {
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
  }],
  ["what would turn the direction of a text, or hide in it, is shown", async (browser) => {
    const [sent, shown] = ["gate \u202eneddibrof\u2066\u0007", "gate \\u202eneddibrof\\u2066\\x07"];
    const answers = pageAnswers(Date.now());
    Object.assign(answers.status["verdict"] as object, { text: sent });
    answers.measure[sent] = () => 1;
    answers.logs.push({
      time_ms: Date.now(),
      level: "ERROR",
      origin: "agent",
      subject: sent,
      details: `${sent}\n${sent}`,
    });
    answers.state[sent] = sent;
    await using server = startPageServer(answers);
    await using watched = await openPage(browser, server.url);
    const { page, errors } = watched;
    await page.locator(".log li").first().waitFor();
    await page.getByTitle(shown).first().waitFor();
    assert((await page.getByText(shown).count()) > 4);
    assertEquals(/[\u202e\u2066]/.test(await page.locator("body").innerText()), false);
    assertEquals(errors, []);
  }],
  ["everything can be reached and read by the keyboard", async (browser) => {
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
    assertMatch(
      (await chart.getAttribute("aria-valuetext"))!,
      /^[\d.]+, from [\d.]+ to [\d.]+, 2[34] h ago$/,
    );
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
  }],
  ["axe finds nothing, and nothing is too wide: phone and desk, light and dark", async (browser) => {
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
  }],
  ["the chart takes the colours of the evening", async (browser) => {
    await using server = startPageServer();
    await using watched = await openPage(browser, server.url, { colorScheme: "light" });
    const { page } = watched;
    const isDrawn = async () => (await strokedColumns(page, 0, 1)).stroked > 100;
    await page.locator(".plot canvas").waitFor();
    await until("the line is drawn in the light's colour", isDrawn);
    await page.emulateMedia({ colorScheme: "dark" });
    await until("the line is drawn in the dark's colour", isDrawn);
  }],
  ["a shorter time shows only what is younger", async (browser) => {
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
  }],
]);

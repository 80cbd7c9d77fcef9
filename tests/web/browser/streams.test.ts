// Runs in: tests.
import { assertEquals, assertMatch } from "@std/assert";
import { openPage } from "../../support/browser.ts";
import { browserTest } from "../../support/browser_steps.ts";
import { needs } from "../../support/needs.ts";
import { type PageAnswers, pageAnswers } from "../../support/page_answers.ts";
import { startPageServer } from "../../support/page_server.ts";
import { until } from "../../support/until.ts";

browserTest("how the page follows its node, in Chromium", needs("chromium") !== undefined, [
  ["a lost stream is said, and is resumed where it was cut", async (browser) => {
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
  }],
  ["ten tabs share one stream, so that a browser's six connections are enough", async (browser) => {
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
    await until("they share one stream", () => server.open === 1);
    await tabs[3]!.close();
    server.send("points", { time_ms: Date.now(), values: { co2: 777 } });
    for (const tab of tabs) if (!tab.isClosed()) await tab.locator(".card", { hasText: "777" }).waitFor();
  }],
  ["where tabs cannot share, as on a phone, each has a stream of its own", async (browser) => {
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
  }],
  ["a node that cannot answer at first says so, and appears when it can", async (browser) => {
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
  }],
  [
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
  ],
]);

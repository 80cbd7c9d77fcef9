// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openPage, startBrowser } from "../support/browser.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needs } from "../support/needs.ts";
import { axeViolations, isWiderThanScreen, screenshot, strokedColumns } from "../support/page_looks.ts";
import { filterLog, PATIENCE_MS, startPageNode, untilVerdict } from "../support/browser_node.ts";
import { until } from "../support/until.ts";

const ignore = needs("chromium") !== undefined || needs("mosquitto") !== undefined;
const TOKEN = "correct-horse-battery-staple";

Deno.test({
  name: "the status page of a running node, in Chromium",
  ignore,
  async fn(t) {
    await using broker = await startMosquitto({ isQuiet: true });
    await using node = await startPageNode(broker, null);
    const browser = await startBrowser();
    try {
      await using watched = await openPage(browser, node.url);
      const { page, errors, foreign } = watched;

      await t.step("it says in one line that the node is well", async () => {
        await untilVerdict(page, /^Well: 2 procedures measuring, \d+ waiting for mqtt/);
        assertMatch(await page.title(), /^✓ roof-1/);
      });

      await t.step("a chart draws what the agent measures, and goes on while it measures", async () => {
        await page.getByRole("radio", { name: "beat" }).check();
        await page.getByRole("radio", { name: "15 min" }).check();
        const beat = page.locator(".card", { hasText: "beat" }).locator(".value");
        const number = async () => Number((await beat.innerText()).replaceAll(",", ""));
        await until("a value is shown", async () => await number() > 1e9, PATIENCE_MS);
        const first = await number();
        await until("it has grown", async () => await number() >= first + 10, PATIENCE_MS);
        await until("the line is drawn", async () => {
          return (await strokedColumns(page, 0.9, 1)).stroked > 5;
        }, PATIENCE_MS);
        assertEquals((await strokedColumns(page, 0, 0.8)).stroked, 0, "nothing was measured before it ran");
      });

      await t.step("workers, backend, state, configuration and machine are those of the node", async () => {
        const section = (name: string) =>
          page.locator("section", { has: page.getByRole("heading", { name, exact: true }) });
        await section("Procedures").locator("li", { hasText: "metronome" }).getByText("running").waitFor();
        await section("Backends").locator("li", { hasText: "mqtt" }).getByText(
          `127.0.0.1:${broker.port} (MQTT 5)`,
        ).waitFor();
        await section("Shared state").getByText("load_per_core 0.25").waitFor();
        await Deno.writeTextFile(node.loadFile, "1.75");
        await section("Shared state").getByText("load_per_core 1.75").waitFor();
        await section("Configuration").getByText("password •••").waitFor();
        assert(!(await page.content()).includes("hush-hush"));
        assertMatch(
          await section("Machine").innerText(),
          /Disk\s+[\d.]+ .B of [\d.]+ .B free[^]*Deno\s+2\.\d/,
        );
      });

      await t.step("the log is live, and its filter works", async () => {
        const lines = page.locator(".log > li");
        await lines.filter({ hasText: "connected to" }).first().waitFor();
        await filterLog(page, { text: "connected to" }, () => page.getByLabel("Text").fill("connected to"));
        const texts = await lines.allInnerTexts();
        assert(texts.length > 0 && texts.every((text) => text.includes("connected to")), texts.join("\n"));
        await page.getByLabel("Text").fill("");
        await page.getByLabel("Least level").selectOption("DEBUG");
        await filterLog(page, { origin: "mqtt" }, () => page.getByLabel("Origin").selectOption("mqtt"));
        assertEquals(new Set(await lines.locator(".origin").allInnerTexts()), new Set(["mqtt"]));
        const quiet = () => page.getByLabel("Origin").selectOption("raises_load");
        await filterLog(page, { origin: "raises_load", level: "DEBUG" }, quiet);
        assertEquals(await lines.count(), 0, "it has said nothing yet");
      });

      await t.step("a broker that goes away makes it unwell, and well again when it is back", async () => {
        await broker.kill();
        const backend = page.locator("section", { hasText: "Backends" }).locator("li", { hasText: "mqtt" });
        await backend.getByText("not connected").waitFor();
        await untilVerdict(page, /mqtt has not been connected for \d+ s/);
        const waiting = backend.locator("dl div", { hasText: /^Waiting/ }).locator("dd");
        await until(
          "messages wait",
          async () => Number((await waiting.innerText()).replace(",", "")) > 10,
          PATIENCE_MS,
        );
        await broker.start();
        await backend.getByText("connected", { exact: true }).waitFor();
        await untilVerdict(page, /^Well: /);
      });

      await t.step("a procedure that crashes makes the node unwell, with its error", async () => {
        await Deno.remove(node.loadFile);
        await untilVerdict(page, /^Not well: .*raises_load failed \d+ s ago/);
        assertMatch(await page.title(), /^✗ roof-1/);
        await page.getByRole("status").filter({ hasText: "The node is not well." }).waitFor({
          state: "attached",
        });
        await page.locator("li", { hasText: "raises_load" }).getByText(/Last error .*No such file/).first()
          .waitFor();
        await page.locator(".log > li.exception, .log > li.error").first().waitFor();
        await screenshot(page, "1400-light-unwell");
        await Deno.writeTextFile(node.loadFile, "0.5");
      });

      await t.step("phone and desk, light and dark: axe finds nothing, nothing is too wide", async () => {
        for (const width of [390, 1400]) {
          for (const colorScheme of ["light", "dark"] as const) {
            await page.setViewportSize({ width, height: 900 });
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            await until(
              "it is drawn",
              async () => (await strokedColumns(page, 0, 1)).stroked > 0,
              PATIENCE_MS,
            );
            assertEquals(await axeViolations(page), []);
            assert(!await isWiderThanScreen(page), `${width} px`);
            await screenshot(page, `${width}-${colorScheme}`);
          }
        }
      });

      await t.step("there was no error on the console, and no request to anybody else", () => {
        assertEquals([errors, foreign], [[], []]);
      });
    } finally {
      await browser.close();
    }
  },
});

Deno.test({
  name: "a page with a token lets in who has it, in Chromium",
  ignore,
  async fn() {
    await using broker = await startMosquitto({ isQuiet: true });
    await using node = await startPageNode(broker, TOKEN);
    const browser = await startBrowser();
    try {
      await using watched = await openPage(browser, node.url);
      const { page, errors } = watched;
      const logIn = async (token: string) => {
        await page.getByLabel("Token").fill(token);
        await page.keyboard.press("Enter");
      };
      await logIn("wrong");
      await page.getByText("This is not the token.").waitFor();
      assertEquals(await page.getByText("Measurements").count(), 0);
      assertEquals(await axeViolations(page), []);
      await screenshot(page, "login");
      await logIn(TOKEN);
      await untilVerdict(page, /^Well: /);
      await page.reload();
      await untilVerdict(page, /^Well: /);
      assert(!(await page.content()).includes(TOKEN));
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("Token").waitFor();
      await page.goto(node.url);
      await page.getByLabel("Token").waitFor();
      await until("guesses are too many", async () => {
        await guessTokens(node.url, 20);
        await page.goto(new URL("/login", node.url).href);
        await logIn("guess");
        await page.waitForURL(/login\?(failed|wait)=/);
        return page.url().includes("wait=");
      }, PATIENCE_MS);
      await page.getByText(/^Too many wrong tokens: try again in \d+ s\.$/).waitFor();
      assertEquals(errors, []);
      assert(!node.logText().includes(TOKEN));
    } finally {
      await browser.close();
    }
  },
});

/** As anybody can who reaches the page. */
async function guessTokens(url: string, count: number): Promise<void> {
  for (let guess = 0; guess < count; guess++) {
    const headers = { authorization: `Bearer guess-${guess}` };
    await (await fetch(new URL("/api/v1/status", url), { headers })).body?.cancel();
  }
}

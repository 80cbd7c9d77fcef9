// Runs in: tests.
import { join } from "@std/path";
import type { Page } from "playwright-core";
import { freePort } from "./free_port.ts";
import { nextFrames } from "./in_page.js";
import type { Mosquitto } from "./mosquitto.ts";
import { TestNode } from "./node.ts";
import { backendsIvy } from "./program.ts";
import { until } from "./until.ts";

/** A busy machine may take this long to show something, in milliseconds. */
export const PATIENCE_MS = 60_000;

/** A node with a page, a broker, a quick procedure, and one that fails when a file is missing. */
export async function startPageNode(broker: Mosquitto, token: string | null) {
  await using started = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "ivy-page-" });
  started.defer(() => Deno.remove(folder, { recursive: true }));
  const loadFile = join(folder, "load");
  await Deno.writeTextFile(loadFile, "0.25");
  const node = started.use(
    new TestNode({
      program: await backendsIvy(),
      procedures: { metronome: { seconds: 0.1 }, raises_load: { file: loadFile } },
    }),
  );
  const port = freePort();
  node.configure((config) => {
    config.general.system_identifier = "roof-1";
    config["status_page"] = { host: "127.0.0.1", port, token };
    const server = { host: "127.0.0.1", port: broker.port, username: "roof", password: "hush-hush" };
    config["backends"] = [{ provider: "mqtt", mqtt_connection: server }];
  });
  await started.use(node.run()).ready();
  const running = started.move();
  return {
    url: `http://127.0.0.1:${port}`,
    loadFile,
    logText: () => node.logText(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Waits until the verdict reads so, and is said to be live. */
export async function untilVerdict(page: Page, pattern: RegExp): Promise<void> {
  const verdict = page.locator(".verdict .text");
  let text = "";
  await until(() => `the verdict is like ${pattern}: ${text}`, async () => {
    text = await verdict.innerText();
    return pattern.test(text);
  }, PATIENCE_MS);
}

/** Chooses a filter, and waits until what the node answered to it is shown. */
export async function filterLog(
  page: Page,
  wanted: Record<string, string>,
  choose: () => Promise<unknown>,
): Promise<void> {
  const answered = page.waitForResponse((response) => {
    const { pathname, searchParams } = new URL(response.url());
    return pathname === "/api/v1/logs" &&
      Object.entries(wanted).every(([name, value]) => searchParams.get(name) === value);
  });
  await choose();
  await (await answered).finished();
  await page.evaluate(nextFrames);
}

// Runs in: tests.
import type { Browser } from "playwright-core";
import { startBrowser } from "./browser.ts";

export type Step = [name: string, work: (browser: Browser) => Promise<void>];

/** A test of several steps in one browser. The file says itself what it needs, so that it is installed. */
export function browserTest(name: string, ignore: boolean, steps: Step[]): void {
  Deno.test({
    name,
    ignore,
    async fn(t) {
      const browser = await startBrowser();
      try {
        for (const [stepName, work] of steps) await t.step(stepName, () => work(browser));
      } finally {
        await browser.close();
      }
    },
  });
}

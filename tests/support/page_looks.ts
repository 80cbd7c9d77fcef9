// Runs in: tests.
import axe from "axe-core" with { type: "text" };
import { join } from "@std/path";
import type { Page } from "playwright-core";
import { countStroked, isTooWide, runAxe } from "./in_page.js";

/** How many columns of pixels of the large chart show the line, of all between two shares of its width. */
export async function strokedColumns(
  page: Page,
  from: number,
  to: number,
): Promise<{ stroked: number; of: number }> {
  return await page.evaluate(countStroked, { from, to });
}

/** What axe-core finds wrong for people who use a screen reader or a keyboard, or who see little. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return await page.evaluate(runAxe);
}

export async function isWiderThanScreen(page: Page): Promise<boolean> {
  return await page.evaluate(isTooWide);
}

/** Saves what one sees to `$IVY_SCREENSHOTS`, or draws it for nobody. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = Deno.env.get("IVY_SCREENSHOTS");
  if (folder) await Deno.mkdir(folder, { recursive: true });
  const path = folder ? { path: join(folder, `${name}.png`) } : {};
  const picture = await page.screenshot({ ...path, fullPage: true });
  if (picture.length < 10_000) throw new Error(`the picture of ${name} is empty`);
}

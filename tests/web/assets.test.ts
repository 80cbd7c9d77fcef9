// Runs in: tests.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { gzipSync } from "node:zlib";
import { ASSETS, indexPage, loginForm } from "../../src/agent/page/assets.ts";

const LIMIT_BYTES = 100_000;
const WEB = fromFileUrl(new URL("../../src/web", import.meta.url));

Deno.test("all that the page needs is at most 100 kB, gzipped", () => {
  const sizes = [...Object.values(ASSETS), indexPage].map(({ text }) => gzipSync(text).length);
  const bytes = sizes.reduce((total, size) => total + size, 0);
  assert(bytes < LIMIT_BYTES, `${bytes} bytes`);
});

Deno.test("every file of the page is served as it is, and fetched at once", async () => {
  const modules: string[] = [];
  for await (const { name } of Deno.readDir(WEB)) {
    const text = await Deno.readTextFile(`${WEB}/${name}`);
    const served = { "index.html": indexPage, "login.html": loginForm }[name] ?? ASSETS[`/${name}`];
    assertEquals(served?.text, text, name);
    if (name.endsWith(".js")) modules.push(`/${name}`);
  }
  const vendored = Object.keys(ASSETS).filter((path) => /^\/vendor\/.*\.js$/.test(path));
  const elsewhere = ["/app.js", "/login.js", "/shared_stream.js"];
  const preloaded = [...indexPage.text.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, path]) =>
    path!
  );
  assertEquals(
    preloaded.sort(),
    [...modules, ...vendored].filter((path) => !elsewhere.includes(path)).sort(),
    "without this a slow link asks for one module after the other",
  );
});

Deno.test("the page asks nobody but its node, and has nothing inline", () => {
  for (const [path, { text }] of Object.entries({ ...ASSETS, "/": indexPage, "/login": loginForm })) {
    if (path.startsWith("/vendor/") || path === "/icon.svg") continue;
    assertEquals(
      text.match(/https?:\/\/|<script(?! type="module" src="\/)|<style|\sstyle=|\son[a-z]+="/g),
      null,
      path,
    );
  }
});

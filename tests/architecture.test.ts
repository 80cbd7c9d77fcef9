// Runs in: tests.
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { filesBelow, ignoreMissing } from "../src/build/files.ts";
import { findViolations } from "./support/architecture.ts";

const PROJECT = dirname(dirname(fromFileUrl(import.meta.url)));

Deno.test("every import, worker entry, first line and exit obeys the rules of its room", async () => {
  const violations = await findViolations(PROJECT);
  assertEquals(violations, [], violations.join("\n"));
});

const PLANTED: { name: string; path: string; source: string; violations: string[] }[] = [
  {
    name: "a package that the room may not load",
    path: "src/store/planted.ts",
    source: `// Runs in: store worker.\nimport "zod";\n`,
    violations: [
      `src/store/planted.ts:2 imports "zod", but src/store may import no package: ` +
      "the thread that writes measurements has no network and no foreign code",
    ],
  },
  {
    name: "another room, for its types only",
    path: "src/release/planted.ts",
    source:
      `// Runs in: release worker.\nimport type { Room } from "../build/graph.ts";\nexport type { Room };\n`,
    violations: [
      `src/release/planted.ts:2 imports "../build/graph.ts", but src/release may import from src/release, src/shared only: ` +
      "it reads foreign bytes before they are verified",
    ],
  },
  {
    name: "a builtin that belongs to the store",
    path: "src/agent/planted.ts",
    source: `// Runs in: main thread.\nimport { join } from "node:path";\nimport "node:sqlite";\njoin();\n`,
    violations: [
      `src/agent/planted.ts:3 imports "node:sqlite", but only src/store and src/agent/state_check.ts may: one thread alone writes measurements`,
    ],
  },
  {
    name: "a wrong thread and a call of Deno.exit",
    path: "procedures/planted.ts",
    source: `// Runs in: main thread.\nDeno.exit(1);\n`,
    violations: [
      `procedures/planted.ts:1 must say "// Runs in: procedure worker.", as every module of procedures does`,
      "procedures/planted.ts calls Deno.exit, but only main.ts may: everything else returns, so teardown is never skipped",
    ],
  },
  {
    name: "the agent's code, and a package by its name, in the browser",
    path: "src/web/planted.js",
    source: `// Runs in: browser.\nimport "../shared/time.ts";\nimport "zod";\n`,
    violations: [
      `src/web/planted.js:2 imports "../shared/time.ts", but src/web may import from src/web only: ` +
      "the browser gets these files as they are, and libraries below /vendor",
      `src/web/planted.js:3 imports "zod", but src/web may import vendor only: ` +
      "the browser gets these files as they are, and libraries below /vendor",
    ],
  },
  {
    name: "a worker entry outside the registries",
    path: "src/runtime/planted.ts",
    source: `// Runs in: procedure worker.\nexport const url = import.meta.resolve("./planted.ts");\n`,
    violations: [
      `src/runtime/planted.ts names the module "./planted.ts" by URL, ` +
      "but only procedures/registry.ts, src/backends/registry.ts, src/agent, src/cli may",
    ],
  },
];

Deno.test("a planted violation is found, in a copy of the project", async (t) => {
  const copy = await Deno.makeTempDir({ prefix: "ivy-architecture-" });
  try {
    for (const part of ["deno.json", "main.ts", "src", "procedures", "config", "tests/acceptance"]) {
      await copyPart(join(PROJECT, part), join(copy, part));
    }
    for (const { name, path, source, violations } of PLANTED) {
      await t.step(name, async () => {
        await Deno.mkdir(dirname(join(copy, path)), { recursive: true });
        await Deno.writeTextFile(join(copy, path), source);
        const found = await findViolations(copy);
        assertEquals(found.filter((violation) => violation.startsWith(path)), violations);
        await Deno.remove(join(copy, path));
      });
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});

async function copyPart(from: string, to: string): Promise<void> {
  const info = await Deno.stat(from).catch(ignoreMissing);
  if (info === undefined) return;
  if (!info.isDirectory) return await copyFile(from, to);
  for await (const file of filesBelow(from)) await copyFile(file, join(to, file.slice(from.length)));
}

async function copyFile(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(from, to);
}

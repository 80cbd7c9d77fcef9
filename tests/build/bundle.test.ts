// Runs in: tests.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { bundle } from "../../src/build/bundle.ts";
import { filesBelow } from "../../src/build/files.ts";
import { runCommand } from "../../src/build/command.ts";
import { expectedOutput, writeFixture } from "./fixture.ts";

Deno.test("a bundled program starts the same workers as its sources", async () => {
  await using fixture = await writeFixture();
  const workFolder = join(fixture.folder, "work");
  const { folder, main, entries, sizeBytes } = await bundle({
    entry: join(fixture.folder, "main.ts"),
    workFolder,
  });
  assertEquals(main, "main.js");
  assertEquals(entries.toSorted(), ["procedures/a.js", "src/backends/a.js", "src/late.js"]);
  assertEquals(sizeBytes > 1000 && sizeBytes < 10_000, true, `${sizeBytes} bytes`);

  const { stdout, stderr } = await runCommand([Deno.execPath(), "run", "--allow-all", main], { cwd: folder });
  assertEquals(stdout, expectedOutput({ version: "1.0.0", standalone: false }), stderr);
});

Deno.test("a bundle calls itself by the version it is given", async () => {
  await using fixture = await writeFixture();
  const options = {
    entry: join(fixture.folder, "main.ts"),
    workFolder: join(fixture.folder, "work"),
    version: "2.0.0-rc.1",
  };
  const { folder, main } = await bundle(options);
  const { stdout, stderr } = await runCommand([Deno.execPath(), "run", "--allow-all", main], { cwd: folder });
  assertEquals(stdout, expectedOutput({ version: "2.0.0-rc.1", standalone: false }), stderr);
});

Deno.test("a program in a subfolder of the project is bundled, too", async () => {
  const source = `new Worker(import.meta.resolve("./worker.ts"), { type: "module" });`;
  await using fixture = await writeFixture({
    "tools/deep/start.ts": source,
    "tools/deep/worker.ts": `console.log("started"); self.close();`,
  });
  const entry = join(fixture.folder, "tools/deep/start.ts");
  const { folder, main } = await bundle({ entry, workFolder: join(fixture.folder, "work") });
  const { stdout, stderr } = await runCommand([Deno.execPath(), "run", "--allow-all", main], { cwd: folder });
  assertEquals(stdout, "started\n", stderr);
});

Deno.test("a worker entry that leads nowhere fails the build, naming the file", async () => {
  await using fixture = await writeFixture({ "main.ts": `import.meta.resolve("./missing.ts");` });
  const options = { entry: join(fixture.folder, "main.ts"), workFolder: join(fixture.folder, "work") };
  await assertRejects(() => bundle(options), Error, "missing.ts");
});

Deno.test("a program of 2 MB or more fails the build", async () => {
  const source = `console.log(${JSON.stringify("x".repeat(2_000_000))});`;
  await using fixture = await writeFixture({ "main.ts": source });
  const options = { entry: join(fixture.folder, "main.ts"), workFolder: join(fixture.folder, "work") };
  await assertRejects(
    () => bundle(options),
    Error,
    "the program is 2.00 MB, and less than 2.00 MB may be embedded",
  );
});

Deno.test("a bundle says neither where nor when it was made", async () => {
  const workFolder = await Deno.makeTempDir({ prefix: "ivy-bundle-" });
  const { npmCache } = JSON.parse((await runCommand([Deno.execPath(), "info", "--json"])).stdout);
  const { folder } = await bundle({
    entry: fromFileUrl(new URL("../../main.ts", import.meta.url)),
    workFolder,
  });
  let packages = 0;
  for await (const path of filesBelow(folder)) {
    const text = await Deno.readTextFile(path);
    for (const place of [npmCache, workFolder, Deno.cwd()]) {
      assert(!text.includes(place), `${path} names ${place}`);
    }
    packages += text.split("// npm/zod/").length - 1;
    assertEquals((await Deno.stat(path)).mtime, new Date("1980-01-01T00:00:00Z"), path);
  }
  assert(packages > 0, "no module of a package was found: is it named otherwise by now?");
  await Deno.remove(workFolder, { recursive: true });
});

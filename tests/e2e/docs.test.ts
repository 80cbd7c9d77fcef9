// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  codeBlocks,
  configurationShown,
  INLINE_FILE,
  proceduresShown,
  projectWithShownCode,
} from "../support/document_code.ts";
import { blocksOf, DOCUMENTS, placeOf, PROJECT } from "../support/documents.ts";
import { startEquipment } from "../support/document_equipment.ts";
import { TestNode } from "../support/node.ts";
import { isCompiled } from "../support/program.ts";
import { startRestServer } from "../support/rest_server.ts";
import { until } from "../support/until.ts";

/** Blocks that no test tries, by their language. */
const NOT_TRIED: Record<string, string> = {
  "": "a tree of files, of which tests/agent/layout.test.ts makes one",
  mermaid: "a picture",
  udev: "needs a machine with udev and a GPIO pin",
};
/** `sh` is tried by docs_commands.test.ts, `yaml` by docs_serial.test.ts. */
const TRIED = ["ts file", "ts into", "ts part-of", "ts same-as", "json into", "json ", "sh ", "yaml "];

Deno.test("every block of the documents is of a kind that is tried", () => {
  const others = DOCUMENTS.flatMap(blocksOf).filter(({ language, role }) =>
    !TRIED.includes(`${language} ${role}`) && !Object.hasOwn(NOT_TRIED, language)
  );
  assertEquals(others.map((block) => `${placeOf(block)} ${block.language} ${block.role}`), []);
  assert(codeBlocks("file").length > 8);
});

Deno.test("JSON in the documents is JSON", () => {
  for (const block of DOCUMENTS.flatMap(blocksOf)) {
    if (block.language === "json" && block.role === "") JSON.parse(block.text);
  }
});

Deno.test("what a document shows of a file stands in that file", () => {
  const plain = (text: string) => text.split("\n").map((line) => line.trim()).join("\n");
  for (const block of codeBlocks("part-of")) {
    const whole = codeBlocks("file").findLast(({ target }) => target === block.target)?.text ??
      Deno.readTextFileSync(join(PROJECT, block.target));
    assertStringIncludes(plain(whole), plain(block.text), placeOf(block));
  }
  assert(codeBlocks("same-as").length > 0);
  for (const block of codeBlocks("same-as")) {
    assertEquals(`${block.text}\n`, Deno.readTextFileSync(join(PROJECT, block.target)), placeOf(block));
  }
});

Deno.test("a reader who has pasted everything into the project itself can still run these tests", async () => {
  await using once = projectWithShownCode();
  await using twice = projectWithShownCode();
  for (const target of ["procedures/registry.ts", "src/shared/state.ts", "src/backends/registry.ts"]) {
    await twice.deno("fmt", "--quiet", target);
    for (const block of codeBlocks("into")) if (block.target === target) twice.addTo(target, block.text);
    await twice.deno("fmt", "--quiet", target);
    await once.deno("fmt", "--quiet", target);
    const entries = (text: string) => text.match(/^ {2}\w+: /gm);
    assertEquals(entries(twice.read(target)), entries(once.read(target)), target);
  }
});

/** What each procedure of the documents does without its hardware, or with the test's stand-in for it. */
const DOES: Record<string, { output: RegExp } | { log: RegExp }> = {
  thermometer: { output: /thermometer {2}temperature_c=2\d/ },
  soil_probe_v1: { output: /soil_probe_v1 {2}soil_temperature_c=12.5/ },
  soil_probe: { log: /EXCEPTION soil_probe .*there is no DS18B20/ },
  co2_sensor: { output: /co2_sensor {2}co2_ppm=412.5 temperature_c=21.4/ },
  air: {
    log: /EXCEPTION air .*cannot read \/sys\/bus\/iio\/devices\/iio:device0\/in_temp_input: .*No such file/,
  },
  weather_station: { output: /weather_station {2}temperature_c=-3.5 wind_speed_m_s=12/ },
  core_voltage: { output: /core_voltage {2}core_voltage_v=0.86/ },
  valve: { log: /EXCEPTION valve .*cannot write \/sys\/class\/leds\/valve\/brightness: .*No such file/ },
};

Deno.test({
  name: "the code of the documents, pasted as written: types, lint, its own tests, and it runs",
  ignore: isCompiled, // it adds source files
  fn: async (t) => {
    await using equipment = startEquipment();
    await using copy = projectWithShownCode(equipment.adapt);
    const files = codeBlocks("file").map(({ target }) => target);

    await t.step("types and lint", async () => {
      const checked = await copy.deno("check", "--quiet", "main.ts", INLINE_FILE, ...files);
      assert(checked.success, checked.text);
      const linted = await copy.deno("lint", "--quiet", ...files);
      assert(linted.success, linted.text);
    });

    await t.step("the tests that it shows", async () => {
      const tests = files.filter((file) => file.startsWith("tests/procedures/"));
      const tested = await copy.deno("test", "--quiet", "--allow-all", "--no-check", ...tests);
      assert(tested.success, tested.text);
    });

    await t.step(
      "the suite for its backend (all of it runs for the HTTP backend, of which it is a copy)",
      async () => {
        const args = ["--quiet", "--allow-all", "--no-check", "--filter", "/every variant|1 MB/"];
        const tested = await copy.deno(
          "test",
          ...args,
          ...files.filter((file) => file.startsWith("tests/backends/")),
        );
        assert(tested.success, tested.text);
        assertStringIncludes(tested.text, "2 passed");
      },
    );

    await using node = new TestNode({
      program: copy.program,
      procedures: {},
      env: { IVY_MQTT_PASSWORD: "secret", PAGE_TOKEN: "secret-of-the-page" },
    });

    await t.step("the settings that it shows", async () => {
      node.configure((config) => {
        Object.assign(config, configurationShown(), { procedures: proceduresShown() });
        for (const backend of config["backends"] as object[]) { // each is shown alone, where it need not be said
          Object.assign(backend, { configures: true });
        }
      });
      assertEquals((await node.ivy("config", "validate")).stderr, "");
    });

    await t.step(
      "each procedure runs in its worker, and the backend delivers what they measure",
      async () => {
        const procedures = proceduresShown();
        assertEquals(Object.keys(procedures).sort(), Object.keys(DOES).sort());
        await using server = startRestServer({ maxBytes: 2_000_000 });
        node.configure((config) => {
          config.procedures = equipment.settings(procedures);
          config["backends"] = [{ provider: "my_store", ...server.settings }];
        });
        await using agent = node.run("--messages");
        for (const does of Object.values(DOES)) {
          if ("output" in does) await agent.output.until(does.output);
          else await agent.log.until(does.log);
        }
        await until(
          "measurements are there",
          () => JSON.stringify(server.arrivals()).includes('"co2_ppm":412.5'),
        );
      },
    );
  },
});

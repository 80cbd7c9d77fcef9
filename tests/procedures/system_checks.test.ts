// Runs in: tests.
import { assert, assertEquals, assertMatch } from "@std/assert";
import systemChecks, { type Check, checkSystem, findWarnings } from "../../procedures/system_checks.ts";
import { answerDiskRequest } from "../../src/agent/disk_request.ts";
import type { Devices } from "../../src/runtime/devices.ts";
import { runProcedure } from "../support/run_procedure.ts";

/** A machine with thermal zones. */
function devicesWith(zones: { type: string; temp?: string }[]): Devices {
  return {
    list: () => Promise.resolve(["cooling_device0", ...zones.map((_, index) => `thermal_zone${index}`)]),
    read: (path) => {
      if (path.startsWith("/proc/")) return Deno.readTextFile(path);
      const [, index, file] = /thermal_zone(\d+)\/(type|temp)$/.exec(path) ?? [];
      const zone = zones[Number(index)];
      const text = zone?.[file as "type" | "temp"];
      return text === undefined
        ? Promise.reject(new Error(`cannot read ${path}`))
        : Promise.resolve(`${text}\n`);
    },
    write: () => Promise.reject(new Error("nothing is written")),
  };
}

const NOW = Date.now();
const NODE = {
  disk: () => Promise.resolve(answerDiskRequest({ type: "disk_request", requestId: 1 }, "/").space!),
};
const measured = await checkSystem(devicesWith([]), NODE, NOW);

Deno.test("fault 14 of Python Ivy: a load average is a number of processes, and no percentage", () => {
  const [load1m, load5m, load15m] = Deno.readTextFileSync("/proc/loadavg").split(" ").map(Number);
  for (
    const [found, real] of [[measured.load_1m, load1m], [measured.load_5m, load5m], [
      measured.load_15m,
      load15m,
    ]]
  ) {
    assert(Math.abs(found! - real!) < 1, `${found} is not ${real}`);
  }
  assertEquals(measured.load_per_core, measured.load_1m / navigator.hardwareConcurrency);
  assertEquals(Object.keys(measured).filter((key) => /load/.test(key) && /percent/.test(key)), []);
});

Deno.test("every value has the unit of its name", () => {
  const memory = Deno.readTextFileSync("/proc/meminfo");
  const megabytes = (key: string) => Number(new RegExp(`${key}: +(\\d+) kB`).exec(memory)![1]) * 1024 / 1e6;
  assertEquals(Math.round(measured.memory_total_mb), Math.round(megabytes("MemTotal")));
  assert(Math.abs(measured.memory_available_mb - megabytes("MemAvailable")) < 500);
  assert(measured.memory_used_percent > 0 && measured.memory_used_percent < 100);
  assert(measured.disk_used_percent > 0 && measured.disk_used_percent <= 100);
  const df = new TextDecoder().decode(
    new Deno.Command("df", { args: ["-B1", "--output=avail", "/"] }).outputSync().stdout,
  );
  const free = Number(/\d+/.exec(df)![0]) / 1e6;
  assert(Math.abs(measured.disk_free_mb - free) < 1000, `${measured.disk_free_mb} is not ${free}`);
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  assert(Math.abs(measured.uptime_seconds - uptime) < 30);
  assert(
    Math.abs(measured.boot_time + measured.uptime_seconds - NOW / 1000) < 1,
    "boot_time is Unix seconds",
  );
  assert(measured.agent_rss_mb > 20 && measured.agent_rss_mb < 2000);
});

const ZONES = [
  { name: "none", zones: [], temperature: undefined },
  { name: "one of any kind", zones: [{ type: "acpitz", temp: "27800" }], temperature: 27.8 },
  {
    name: "the CPU's among several",
    zones: [{ type: "acpitz", temp: "27800" }, { type: "cpu-thermal", temp: "51234" }],
    temperature: 51.234,
  },
  { name: "below zero", zones: [{ type: "soc-thermal", temp: "-5000" }], temperature: -5 },
  { name: "one that cannot be read", zones: [{ type: "cpu" }], temperature: undefined },
  { name: "one that gives no number", zones: [{ type: "cpu", temp: "n/a" }], temperature: undefined },
];

for (const { name, zones, temperature } of ZONES) {
  Deno.test(`thermal zones, ${name}: ${temperature ?? "no temperature, and no error"}`, async () => {
    const check = await checkSystem(devicesWith(zones), NODE, NOW);
    assertEquals(check.cpu_temperature_c, temperature);
    assertEquals("cpu_temperature_c" in check, temperature !== undefined);
  });
}

const CALM: Check = {
  ...measured,
  load_per_core: 0.5,
  memory_used_percent: 50,
  disk_used_percent: 50,
  cpu_temperature_c: 40,
};
const SETTINGS = systemChecks.config.parse({ seconds_between_checks: 60 }) as Parameters<
  typeof findWarnings
>[1];

const WARNINGS: { change: Partial<Check>; warnings: string[] }[] = [
  { change: {}, warnings: [] },
  { change: { load_per_core: 2 }, warnings: [] },
  { change: { load_per_core: 2.1 }, warnings: ["load per core is 2.1, above 2"] },
  { change: { memory_used_percent: 90.5 }, warnings: ["used memory is 90.5 %, above 90 %"] },
  { change: { disk_used_percent: 99 }, warnings: ["used disk space is 99.0 %, above 95 %"] },
  { change: { cpu_temperature_c: 85 }, warnings: ["CPU temperature is 85.0 °C, above 80 °C"] },
  {
    change: { load_per_core: 9, memory_used_percent: 99 },
    warnings: ["load per core is 9.0, above 2", "used memory is 99.0 %, above 90 %"],
  },
];

for (const { change, warnings } of WARNINGS) {
  Deno.test(`thresholds: ${JSON.stringify(change)} gives ${warnings.length} warnings`, () => {
    assertEquals(findWarnings({ ...CALM, ...change }, SETTINGS), warnings);
  });
}

Deno.test("a check at once and one per tick: stored, shared, and a lasting warning is given once", async () => {
  const config = { seconds_between_checks: 1, warn_memory_percent: 1, warn_load_per_core: 100 };
  const devices = devicesWith([]);
  const { data, logs, state } = await runProcedure(systemChecks, { config, devices, states: [{}, {}] });
  assertEquals(data.length, 3);
  assertEquals(logs.length, 1);
  assertMatch(logs[0]!, /^WARNING used memory is \d+\.\d %, above 1 %/);
  assertEquals(state.overloaded, true);
  assertEquals(state.system.load_1m, data.at(-1)!["load_1m"]);
  assertEquals(state.system.cpu_temperature_c, null);
});

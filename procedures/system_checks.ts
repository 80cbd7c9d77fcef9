// Runs in: procedure worker.
import * as z from "zod";
import type { Devices } from "../src/runtime/devices.ts";
import { defineProcedure, type Node } from "../src/runtime/procedure.ts";

const THERMAL_ZONES = "/sys/class/thermal";

const config = z.strictObject({
  seconds_between_checks: z.int().min(1).max(7200).describe("seconds from one check to the next"),
  warn_load_per_core: z.number().min(0.1).max(100).default(2)
    .describe("1-minute load average per core above which the machine counts as overloaded"),
  warn_memory_percent: z.number().min(1).max(100).default(90).describe(
    "used memory, in percent, above which to warn",
  ),
  warn_disk_percent: z.number().min(1).max(100).default(95)
    .describe("used space of the root's file system, in percent, above which to warn"),
  warn_cpu_temperature_c: z.number().min(0).max(150).default(80).describe(
    "CPU temperature, in °C, above which to warn",
  ),
});
type Settings = z.output<typeof config>;

/** One look at the machine. A load average counts processes: it is no percentage. */
export interface Check {
  load_1m: number;
  load_5m: number;
  load_15m: number;
  load_per_core: number;
  memory_total_mb: number;
  memory_available_mb: number;
  memory_used_percent: number;
  disk_free_mb: number;
  disk_used_percent: number;
  uptime_seconds: number;
  boot_time: number;
  agent_rss_mb: number;
  /** Absent where there is no thermal zone. */
  cpu_temperature_c?: number;
}

const MEGABYTE = 1_000_000;

/** Measures this machine. */
export async function checkSystem(devices: Devices, node: Pick<Node, "disk">, nowMs: number): Promise<Check> {
  const [load1m, load5m, load15m] = Deno.loadavg() as [number, number, number];
  const memory = await devices.read("/proc/meminfo");
  const memoryBytes = bytesIn(memory, "MemTotal");
  const availableBytes = bytesIn(memory, "MemAvailable");
  const disk = await node.disk();
  const uptimeSeconds = Deno.osUptime();
  const temperature = await readCpuTemperature(devices);
  return {
    load_1m: load1m,
    load_5m: load5m,
    load_15m: load15m,
    load_per_core: load1m / navigator.hardwareConcurrency,
    memory_total_mb: memoryBytes / MEGABYTE,
    memory_available_mb: availableBytes / MEGABYTE,
    memory_used_percent: 100 * (1 - availableBytes / memoryBytes),
    disk_free_mb: disk.freeBytes / MEGABYTE,
    disk_used_percent: 100 * (1 - disk.freeBytes / disk.sizeBytes),
    uptime_seconds: uptimeSeconds,
    boot_time: Math.round(nowMs / 1000 - uptimeSeconds),
    agent_rss_mb: bytesIn(await devices.read("/proc/self/status"), "VmRSS") / MEGABYTE,
    ...(temperature === undefined ? {} : { cpu_temperature_c: temperature }),
  };
}

/** What a line such as `MemTotal:  16384 kB` says. Deno reads the same files, and a locked thread opens none. */
function bytesIn(text: string, key: string): number {
  const [, kibibytes] = new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text) ?? [];
  if (kibibytes === undefined) throw new Error(`the kernel does not tell ${key}`);
  return Number(kibibytes) * 1024;
}

/** The temperature of the CPU's thermal zone (else of the first one), in °C; the kernel gives thousandths. */
async function readCpuTemperature(devices: Devices): Promise<number | undefined> {
  const read = (path: string) => devices.read(`${THERMAL_ZONES}/${path}`).catch(() => ""); // switched off
  const zones = (await devices.list(THERMAL_ZONES)).filter((name) => name.startsWith("thermal_zone"));
  const types = await Promise.all(zones.map((zone) => read(`${zone}/type`)));
  const cpu = zones[Math.max(0, types.findIndex((type) => /cpu|soc|x86_pkg/.test(type)))];
  if (cpu === undefined) return undefined;
  const thousandths = Number.parseFloat(await read(`${cpu}/temp`));
  return Number.isNaN(thousandths) ? undefined : thousandths / 1000;
}

/** What is above its threshold, as sentences. */
export function findWarnings(check: Check, settings: Settings): string[] {
  const warnings: string[] = [];
  const warn = (what: string, value: number | undefined, limit: number, unit: string) => {
    if (value !== undefined && value > limit) {
      warnings.push(`${what} is ${value.toFixed(1)}${unit}, above ${limit}${unit}`);
    }
  };
  warn("load per core", check.load_per_core, settings.warn_load_per_core, "");
  warn("used memory", check.memory_used_percent, settings.warn_memory_percent, " %");
  warn("used disk space", check.disk_used_percent, settings.warn_disk_percent, " %");
  warn("CPU temperature", check.cpu_temperature_c, settings.warn_cpu_temperature_c, " °C");
  return warnings;
}

/** Watches the machine: stores a check, tells the others by the shared state, warns when a threshold is passed. */
export default defineProcedure({
  name: "system_checks",
  config,
  async run({ config, every, messages, state, logger, devices, node }) {
    let lastWarnings = "";
    const checkOnce = async () => {
      const check = await checkSystem(devices, node, Date.now());
      messages.data({ ...check });
      const warnings = findWarnings(check, config);
      await state.update((draft) => {
        draft.system = {
          checked_at: Date.now() / 1000,
          load_1m: check.load_1m,
          load_5m: check.load_5m,
          load_per_core: check.load_per_core,
          memory_used_percent: check.memory_used_percent,
          disk_used_percent: check.disk_used_percent,
          cpu_temperature_c: check.cpu_temperature_c ?? null,
        };
        draft.overloaded = warnings.length > 0;
      });
      const kinds = warnings.map((warning) => warning.split(" is ")[0]).join();
      if (warnings.length > 0 && kinds !== lastWarnings) logger.warning(warnings.join("; "));
      lastWarnings = kinds;
    };
    await checkOnce();
    for await (const _tick of every(config.seconds_between_checks)) await checkOnce();
  },
  async selfTest({ devices, node }) {
    await checkSystem(devices, node, Date.now());
  },
});

// Runs in: main thread.
import { formatBytes } from "../../shared/time.ts";
import { fault, type Finding, fine, type Question, type Surroundings, warn, WITH_SUDO } from "./finding.ts";

export interface MachineFacts {
  /** In bytes; null where it cannot be read. */
  pageSize: number | null;
  isArm: boolean;
  /** In bytes; available is what programs can still get. */
  memory: { total: number; available: number };
  /** In °C; null where it cannot be read. */
  temperature: number | null;
  isRaspberryPi: boolean;
  /** The bits of `vcgencmd get_throttled`; null where they cannot be had. */
  throttled: number | null;
}

/** Less available memory than this is little, and too little; on a small machine a share of all its memory is. */
const LITTLE_MEMORY = { bytes: 200e6, share: 0.2 };
const TOO_LITTLE_MEMORY = { bytes: 60e6, share: 0.1 };
/** A Raspberry Pi slows down at 80 °C and more so at 85 °C. */
const WARM_C = 75;
const HOT_C = 83;

/** Bits of `vcgencmd get_throttled`, see the Raspberry Pi documentation: now, and 16 higher, since the start. */
const UNDER_VOLTAGE = 1;
const SLOWED_DOWN = 2 | 4 | 8;

/** What the Raspberry Pi's firmware tells root and the group video. */
export const THROTTLED: Question = ["vcgencmd", "get_throttled"];
export const TEMPERATURE: Question = ["vcgencmd", "measure_temp"];

export async function machineFacts({ ask, read }: Surroundings): Promise<MachineFacts> {
  const { total, available } = Deno.systemMemoryInfo();
  const [, throttled] = /throttled=(0x[0-9a-f]+)/i.exec(await ask(THROTTLED) ?? "") ?? [];
  return {
    pageSize: await askPageSize({ ask, read }),
    isArm: Deno.build.arch === "aarch64",
    memory: { total, available },
    isRaspberryPi: /Raspberry Pi/.test(read("/proc/device-tree/model") ?? ""),
    temperature: await askTemperature({ ask, read }),
    throttled: throttled === undefined ? null : Number(throttled),
  };
}

export function judgeMachine(facts: MachineFacts): Finding[] {
  return [
    judgePages(facts),
    judgeMemory(facts.memory),
    ...(facts.temperature === null ? [] : [judgeTemperature(facts.temperature)]),
    ...(facts.throttled === null && !facts.isRaspberryPi ? [] : [judgePower(facts.throttled)]),
  ];
}

function judgePages({ pageSize, isArm }: MachineFacts): Finding {
  if (pageSize === null) {
    return warn("kernel", "the size of its pages cannot be read", "compare getconf PAGESIZE with 4096");
  }
  const found = `pages of ${pageSize / 1024} KiB`;
  if (pageSize === 4096 || !isArm) return fine("kernel", found);
  return fault(
    "kernel",
    `${found}, on which Deno 2.9 is reported to crash`,
    "put kernel=kernel8.img into /boot/firmware/config.txt and restart the machine",
  );
}

function judgeMemory({ total, available }: MachineFacts["memory"]): Finding {
  const found = `${formatBytes(available)} of ${formatBytes(total)} available`;
  const advice = "see what uses it: ps aux --sort=-rss | head";
  const isBelow = ({ bytes, share }: typeof LITTLE_MEMORY) => available < Math.min(bytes, share * total);
  if (isBelow(TOO_LITTLE_MEMORY)) return fault("memory", found, advice);
  if (isBelow(LITTLE_MEMORY)) return warn("memory", found, advice);
  return fine("memory", found);
}

function judgeTemperature(celsius: number): Finding {
  const found = `${celsius.toFixed(1)} °C`;
  const advice = "give it shade, air or a heat sink";
  if (celsius >= HOT_C) return fault("temperature", `${found}: the processor slows itself down`, advice);
  if (celsius >= WARM_C) return warn("temperature", found, advice);
  return fine("temperature", found);
}

function judgePower(throttled: number | null): Finding {
  if (throttled === null) {
    return warn(
      "power",
      "vcgencmd does not tell voltage and speed",
      `${WITH_SUDO}, or join the group video`,
    );
  }
  const before = throttled >> 16;
  const power = "use a power supply and a cable that are made for it";
  if (throttled & UNDER_VOLTAGE) return fault("power", "the voltage is too low now", power);
  if (throttled & SLOWED_DOWN) return fault("power", "the processor is slowed down now", "cool it");
  if (before & UNDER_VOLTAGE) {
    return warn("power", "the voltage was too low since the machine started", power);
  }
  if (before & SLOWED_DOWN) {
    return warn("power", "the processor was slowed down since the machine started", "cool it");
  }
  return fine("power", "voltage and speed as they should be");
}

/** Where there is no `getconf` (busybox), the kernel's own account of this process has it, see proc(5). */
async function askPageSize({ ask, read }: Surroundings): Promise<number | null> {
  const told = Number(await ask(["getconf", "PAGESIZE"]) ?? NaN);
  if (Number.isSafeInteger(told) && told > 0) return told;
  const [, kibibytes] = /^KernelPageSize: +(\d+) kB$/m.exec(read("/proc/self/smaps") ?? "") ?? [];
  return kibibytes === undefined ? null : Number(kibibytes) * 1024;
}

async function askTemperature({ ask, read }: Surroundings): Promise<number | null> {
  const [, told] = /temp=([\d.]+)/.exec(await ask(TEMPERATURE) ?? "") ?? [];
  if (told !== undefined) return Number(told);
  const text = read("/sys/class/thermal/thermal_zone0/temp");
  return text === undefined ? null : Number(text) / 1000;
}

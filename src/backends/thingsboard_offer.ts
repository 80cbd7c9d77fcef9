// Runs in: backend worker.
import type { PackageOffer, UnusableOffer } from "../shared/protocol.ts";
import { cutText } from "../shared/text.ts";
import { decodeJson } from "./heard.ts";

const ATTRIBUTES = "v1/devices/me/attributes";
/** The shared attributes that describe a package. */
export const OFFER_KEYS = [
  "fw_title",
  "fw_version",
  "fw_size",
  "fw_checksum",
  "fw_checksum_algorithm",
  "fw_url",
];
/** Hexadecimal digits of each checksum that we take: the others are too easy to hit by chance. */
const DIGITS = new Map<unknown, number>([["SHA256", 64], ["SHA384", 96], ["SHA512", 128]]);
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
/** ThingsBoard gives no package a longer title or version, in UTF-16 code units. */
const MAX_NAME_LENGTH = 255;
/** How much is repeated of what the server says instead of a checksum's algorithm or of a size. */
const MAX_SHOWN_LENGTH = 40;
/** No package is larger, in bytes. */
const MAX_SIZE_BYTES = 1_000_000_000;

/** What the server offers, put together from attributes that come whole after a connect and in parts when they change. */
export class ShownOffer {
  #values: Record<string, unknown> = {};

  /** Takes a message of the server. @returns whether it says anything about a package. */
  take(topic: string, payload: Uint8Array): boolean {
    const isAnswer = topic.startsWith(`${ATTRIBUTES}/response/`);
    if (topic !== ATTRIBUTES && !isAnswer) return false;
    const json = decodeJson(payload);
    if ("kind" in json) return false; // it is told where configurations are looked for
    const found = isAnswer ? objectIn(objectIn(json.value)["shared"]) : objectIn(json.value);
    const hadAny = Object.keys(this.#values).length > 0;
    if (isAnswer) this.#values = {}; // it is the whole: what it leaves out was taken back while there was no connection
    const { deleted } = found;
    const gone = OFFER_KEYS.filter((key) => Array.isArray(deleted) && deleted.includes(key));
    const changed = OFFER_KEYS.filter((key) => Object.hasOwn(found, key));
    for (const key of gone) delete this.#values[key];
    for (const key of changed) this.#values[key] = found[key];
    return gone.length + changed.length > 0 || (isAnswer && hadAny);
  }

  /** @returns null when nothing is offered, undefined when not all is known of it yet. */
  get offer(): PackageOffer | UnusableOffer | null | undefined {
    const { fw_title: title, fw_version: version, fw_url: url } = this.#values;
    if (title === undefined && version === undefined) return null;
    if (typeof title !== "string" || typeof version !== "string") return undefined;
    const named = { title: cutText(title, MAX_NAME_LENGTH), version: cutText(version, MAX_NAME_LENGTH) };
    if (named.title !== title || named.version !== version) {
      return { ...named, fault: `its title or version has more than ${MAX_NAME_LENGTH} characters` };
    }
    if (typeof url === "string" && url !== "") {
      return {
        ...named,
        fault: 'the package lies at an address of its own: use the provider "http" for that',
      };
    }
    const { fw_size: size, fw_checksum: checksum, fw_checksum_algorithm: algorithm } = this.#values;
    if ([size, checksum, algorithm].includes(undefined)) return undefined;
    if (!VERSION.test(version)) return { ...named, fault: "its version must be one such as 1.2.3" };
    const digits = DIGITS.get(algorithm);
    if (digits === undefined) {
      return { ...named, fault: `the checksum must be SHA256, SHA384 or SHA512, not ${shown(algorithm)}` };
    }
    if (!Number.isSafeInteger(size) || Number(size) < 1 || Number(size) > MAX_SIZE_BYTES) {
      return { ...named, fault: `a package cannot have ${shown(size)} bytes` };
    }
    if (typeof checksum !== "string" || !new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(checksum)) {
      return { ...named, fault: `the checksum is no ${algorithm} in hexadecimal digits` };
    }
    return {
      ...named,
      sizeBytes: Number(size),
      checksum: checksum.toLowerCase(),
      algorithm: algorithm as PackageOffer["algorithm"],
    };
  }
}

function shown(value: unknown): string {
  return cutText(typeof value === "string" ? value : JSON.stringify(value), MAX_SHOWN_LENGTH);
}

function objectIn(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

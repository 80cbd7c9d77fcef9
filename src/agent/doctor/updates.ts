// Runs in: main thread.
import type { UpdaterSettings } from "../../shared/config.ts";
import { fromBase64 } from "../../shared/signatures.ts";
import { ageWarning } from "../updater/source_age.ts";
import { fault, type Finding, fine, warn } from "./finding.ts";

export interface UpdateFacts {
  settings: UpdaterSettings | null;
  /** Keys of which no signature could ever be right. */
  badKeys: string[];
  /** The newest release there, or why none can be had; null when nobody was asked, with the reason. */
  source: { version: string; date?: string | null } | { error: string } | { unasked: string };
}

/** Keys that are no Ed25519 public keys. */
export async function findBadKeys({ public_keys: keys }: UpdaterSettings): Promise<string[]> {
  const isBad = await Promise.all(keys.map(async (key) => {
    try {
      await crypto.subtle.importKey("raw", fromBase64(key), "Ed25519", false, ["verify"]);
      return false;
    } catch {
      return true;
    }
  }));
  return keys.filter((_, index) => isBad[index]);
}

export function judgeUpdates({ settings, badKeys, source }: UpdateFacts, nowMs = Date.now()): Finding[] {
  if (settings === null) return [fine("updates", "none from afar: this node is updated by hand")];
  return [judgeSource(settings, source, nowMs), judgeKeys(settings, badKeys)];
}

function judgeSource(
  { provider, max_age_days: maxAgeDays }: UpdaterSettings,
  source: UpdateFacts["source"],
  nowMs: number,
): Finding {
  const check = "update source";
  if ("version" in source) {
    const { version, date } = source;
    const found = `${provider} has ${version}, rightly signed${date ? ` and of ${date}` : ""}`;
    const old = date && maxAgeDays !== null ? ageWarning(date, maxAgeDays, nowMs) : undefined;
    return old === undefined
      ? fine(check, found)
      : warn(check, old, "ask who makes the releases for a new one");
  }
  if (provider === "thingsboard" && "error" in source && /no server offers/.test(source.error)) {
    return fine(check, "ThingsBoard has assigned no package to this node");
  }
  if ("unasked" in source) return warn(check, source.unasked, "start the agent, then ask again");
  return fault(
    check,
    source.error,
    "check updater in the configuration, the network, and who has signed the release",
  );
}

function judgeKeys(
  { public_keys: keys, threshold, allow_unsigned }: UpdaterSettings,
  badKeys: string[],
): Finding {
  const check = "update keys";
  const advice = "put the contents of KEYFILE.pub into updater.public_keys";
  if (badKeys.length > 0) return fault(check, `no Ed25519 key: ${badKeys.join(", ")}`, advice);
  if (allow_unsigned) {
    return warn(check, "a release needs no signature at all", "set updater.allow_unsigned to false");
  }
  const found = `${keys.length} ${keys.length === 1 ? "key" : "keys"} may sign, ${threshold} must`;
  return new Set(keys).size < threshold ? fault(check, found, advice) : fine(check, found);
}

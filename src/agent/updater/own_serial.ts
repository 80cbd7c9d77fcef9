// Runs in: main thread.
import { dirname, join } from "@std/path";
import { MAX_SUMS_BYTES, parseSums, type Release, SIGNATURES_NAME, SUMS_NAME } from "../../shared/release.ts";
import { contentDigest, isForProduct } from "../../shared/release_marks.ts";
import { version as running } from "../../shared/version.ts";
import { readIfThere, replaceFile } from "../files.ts";
import { readInstalledVersions } from "../installed_versions.ts";
import { exists, type Paths } from "../paths.ts";
import { acceptSerial, readKnownReleases, rememberReleases } from "./known_releases.ts";
import { lists } from "./prove_previous.ts";

/**
 * A version that a person has put here starts at its own serial: older releases are refused from the first day. A binary
 * does not know its serial, which is given to it later, so `SHA256SUMS` has to lie beside it, where it runs or where it
 * was laid out from, put there by the same user. Its signature need not be known yet: it lists the very binary that the
 * person trusts. On probation nothing is learnt; who passes it counts.
 *
 * @param recorded Versions that were put on record just now: that nothing is known of one is said once.
 * @param program The running binary; undefined = Ivy runs from its sources, which have no serial.
 * @returns what was learnt, or that nothing was, for the person who looks on.
 */
export async function learnOwnSerial(
  paths: Paths,
  recorded: string[],
  program = Deno.build.standalone ? Deno.execPath() : undefined,
): Promise<string[]> {
  const installed = readInstalledVersions(paths).get(running);
  if (program === undefined || installed?.came !== "by_hand" || exists(paths.update)) return [];
  const known = readKnownReleases(paths);
  if (known === undefined) return [];
  for (const binary of [join(paths.versionFolder, "ivy"), program]) {
    const release = await readListBeside(binary);
    if (release?.version !== running || !lists(release, installed.sha256)) continue;
    keepList(dirname(binary), paths.versionFolder);
    const { serial } = release;
    if (serial <= known.serial) return [];
    const digest = await contentDigest(release);
    rememberReleases(paths, (known) => acceptSerial(known, serial, digest));
    return [`this is release ${running} with serial ${serial}: older releases are refused`];
  }
  if (known.serial > 0 || !recorded.includes(running)) return [];
  return [
    `no ${SUMS_NAME} lies beside this binary, so its serial is unknown: the first signed release may be an older one`,
  ];
}

/** @returns undefined when there is none, or not the same user's as the binary's: folders may be everybody's. */
async function readListBeside(binary: string): Promise<Release | undefined> {
  const path = join(dirname(binary), SUMS_NAME);
  try {
    const { isFile, uid, size } = Deno.lstatSync(path);
    if (!isFile || size > MAX_SUMS_BYTES || uid !== Deno.statSync(binary).uid) return undefined;
    const release = parseSums(Deno.readTextFileSync(path));
    return await isForProduct(release) ? release : undefined;
  } catch {
    return undefined;
  }
}

function keepList(from: string, to: string): void {
  if (from === to) return;
  for (const name of [SUMS_NAME, SIGNATURES_NAME]) {
    const text = readIfThere(join(from, name));
    if (text !== undefined) replaceFile(join(to, name), text);
  }
}

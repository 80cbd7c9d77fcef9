// Runs in: any thread.

/** A file of a release, as `SHA256SUMS` lists it. */
export interface ReleaseFile {
  name: string;
  sizeBytes: number;
  /** 64 lower-case hexadecimal digits. */
  sha256: string;
}

/** What `SHA256SUMS` says. Signed as a whole. */
export interface Release {
  version: string;
  /** Only grows from release to release of a project: a signed old release is not taken for a new one. */
  serial: number;
  files: ReleaseFile[];
}

export const SUMS_NAME = "SHA256SUMS";
export const SIGNATURES_NAME = "SHA256SUMS.sig";
export const ACCEPTANCE_NAME = "acceptance.js";

/** No `SHA256SUMS` is longer, in bytes. */
export const MAX_SUMS_BYTES = 65_536;

/** The names of a target's files, for example `ivy-aarch64-unknown-linux-gnu`. */
export function namesFor(target: string): { binary: string; compressed: string; blocks: string } {
  return { binary: `ivy-${target}`, compressed: `ivy-${target}.gz`, blocks: `blocks-${target}.json` };
}

const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
/** Whether a text is the number of a version, and so a safe name for its folder. */
export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * The text of `SHA256SUMS`: `sha256sum --check` reads its sums and takes the rest for comments.
 *
 * @throws {TypeError} when a value cannot be written.
 */
export function formatSums({ version, serial, files }: Release): string {
  const isValid = VERSION.test(version) && isCount(serial) &&
    files.every(({ name, sizeBytes, sha256 }) =>
      NAME.test(name) && isCount(sizeBytes) && /^[0-9a-f]{64}$/.test(sha256)
    );
  if (!isValid || files.length === 0 || new Set(files.map(({ name }) => name)).size !== files.length) {
    throw new TypeError("it is no list of a release's files");
  }
  return [
    `# version ${version}`,
    `# serial ${serial}`,
    ...files.flatMap(({ name, sizeBytes, sha256 }) => [`# size ${sizeBytes}`, `${sha256}  ${name}`]),
    "",
  ].join("\n");
}

/**
 * Reads `SHA256SUMS`. There is exactly one text for each content: whatever else there is in it is refused.
 *
 * @throws {TypeError}
 */
export function parseSums(text: string): Release {
  const [, version = "", serial = ""] = /^# version (\S+)\n# serial (\d+)\n/.exec(text) ?? [];
  const files = [...text.matchAll(/^# size (\d+)\n([0-9a-f]{64}) {2}(\S+)$/gm)].map(
    ([, sizeBytes, sha256, name]) => ({ name: name!, sizeBytes: Number(sizeBytes), sha256: sha256! }),
  );
  const release = { version, serial: Number(serial), files };
  if (formatSums(release) !== text) throw new TypeError("it is no list of a release's files");
  return release;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

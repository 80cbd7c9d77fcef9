// Runs in: any thread.
import { formatSums, type Release, type ReleaseFile } from "./release.ts";
import { product as ownProduct } from "./version.ts";

/**
 * What a signed list says beyond version, serial and files. Nodes of version 0.1 refuse a list with any other line, so it
 * is said by small files that the list names and nobody needs to fetch: `product` holds the name of the product, and
 * `date-2026-11-30` the day on which its signers last said that it is current.
 */
const PRODUCT_FILE = "product";
const DATE_FILE = /^date-(\d{4}-\d{2}-\d{2})$/;

/** What lists of version 0.1, which name no product, are for. */
const FIRST_PRODUCT = "@ivy/agent";

/** A small file of a release that its list is read for. */
export interface Mark {
  file: ReleaseFile;
  text: string;
}

/** The file that names the product. */
export async function productMark(product: string): Promise<Mark> {
  return await markOf(PRODUCT_FILE, product);
}

/** @param date as `2026-11-30`. */
export async function dateMark(date: string): Promise<Mark> {
  return await markOf(`date-${date}`, date);
}

/** Whether a release is for this product; without its name, it can only be one of version 0.1. */
export async function isForProduct({ files }: Release, product = ownProduct): Promise<boolean> {
  const named = files.find(({ name }) => name === PRODUCT_FILE);
  if (named === undefined) return product === FIRST_PRODUCT;
  const { file: { sha256, sizeBytes } } = await productMark(product);
  return named.sha256 === sha256 && named.sizeBytes === sizeBytes;
}

/** The day on which a release was current, as `2026-11-30`; undefined when its list does not say, or in two ways. */
export function dateOf({ files }: Release): string | undefined {
  const [date, ...others] = files.flatMap(({ name }) => DATE_FILE.exec(name)?.[1] ?? []);
  return others.length > 0 || date === undefined || Number.isNaN(Date.parse(date)) ? undefined : date;
}

/** The same release on another day, and the names of the files that said the day before. */
export function withDate(release: Release, { file }: Mark): { release: Release; replaced: string[] } {
  const isDate = ({ name }: ReleaseFile) => DATE_FILE.test(name);
  return {
    release: { ...release, files: [...release.files.filter((each) => !isDate(each)), file] },
    replaced: release.files.filter(isDate).map(({ name }) => name),
  };
}

/**
 * Names a release as a whole, but for its date: a list that is signed again on another day is of the same release. The
 * SHA-256 of its list without the date, which for a list of version 0.1 is that of the list.
 */
export async function contentDigest(release: Release): Promise<string> {
  const files = release.files.filter(({ name }) => !DATE_FILE.test(name));
  return await sha256Of(formatSums({ ...release, files }));
}

async function markOf(name: string, line: string): Promise<Mark> {
  const text = `${line}\n`;
  const sizeBytes = new TextEncoder().encode(text).length;
  return { file: { name, sizeBytes, sha256: await sha256Of(text) }, text };
}

async function sha256Of(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Runs in: any thread.
import { parseSums, type Release } from "./release.ts";
import { isForProduct } from "./release_marks.ts";
import { product } from "./version.ts";

/** Who may sign, as a person on the node has written it down. */
export interface Trust {
  /** Ed25519 public keys: base64 of their 32 bytes. */
  publicKeys: string[];
  /** How many different keys must have signed, at least 1. */
  threshold: number;
  /** No signature is needed at all. */
  allowUnsigned: boolean;
}

/** A release that nobody who may has signed. */
export class UntrustedError extends Error {
  override name = "UntrustedError";
}

const ALGORITHM = "Ed25519";
/** Ed25519 signatures, base64, one line per key. */
const SIGNATURES = /^(?:[A-Za-z0-9+/]{86}==\n)*$/;

/**
 * Decides whether a release may be installed. `signatures` is the text of `SHA256SUMS.sig`; empty = there is none.
 *
 * @throws {UntrustedError} when too few of the trusted keys have signed exactly these bytes, or for another product.
 * @throws {TypeError} when they were signed but make no sense, or when what is asked for makes none.
 */
export async function verifyRelease(
  sums: Uint8Array<ArrayBuffer>,
  signatures: string,
  { publicKeys, threshold, allowUnsigned }: Trust,
): Promise<Release> {
  if (!Number.isSafeInteger(threshold)) {
    throw new TypeError(`expected a whole number of keys, got ${threshold}`);
  }
  const needed = Math.max(1, threshold);
  const signers = await countSigners(sums, signatures, publicKeys);
  if (signers < needed && !allowUnsigned) {
    throw new UntrustedError(
      signatures === ""
        ? "the release is not signed"
        : `${signers} of the keys that may sign have signed this release, ${needed} must`,
    );
  }
  const release = parseSums(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(sums));
  if (await isForProduct(release)) return release;
  throw new UntrustedError(`release ${release.version} is of another product than ${product}`);
}

/**
 * Points of small order (1, 2, 4, 8) on the curve, in hexadecimal without the sign bit: a key that is one of them
 * "signs" everything. Those from p = 2^255 - 19 on are another spelling of a smaller one.
 */
const SMALL_ORDER = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
const NOT_CANONICAL = /^(e[d-f]|f[0-9a-f])(ff){30}7f$/;

/** Whether a public key may decide anything: 32 bytes that are written in one way, of a point that is not trivial. */
export function isUsableKey(publicKey: string): boolean {
  if (!/^[A-Za-z0-9+/]{43}=$/.test(publicKey)) return false;
  const bytes = fromBase64(publicKey);
  if (toBase64(bytes) !== publicKey) return false;
  bytes[31]! &= 0x7f;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return !SMALL_ORDER.has(hex) && !NOT_CANONICAL.test(hex);
}

/** How many different trusted keys have a valid signature; 0 when the text is not strictly one of signatures. */
async function countSigners(
  sums: Uint8Array<ArrayBuffer>,
  signatures: string,
  publicKeys: string[],
): Promise<number> {
  if (!SIGNATURES.test(signatures)) return 0;
  const lines = signatures.split("\n").slice(0, -1);
  if (new Set(lines).size !== lines.length) return 0;
  let signers = 0;
  for (const publicKey of new Set(publicKeys.filter(isUsableKey))) {
    const key = await crypto.subtle.importKey("raw", fromBase64(publicKey), ALGORITHM, false, ["verify"]);
    for (const line of lines) {
      const signature = fromBase64(line);
      if (toBase64(signature) !== line) continue;
      if (!await crypto.subtle.verify(ALGORITHM, key, signature, sums)) continue;
      signers++;
      break;
    }
  }
  return signers;
}

/** A new pair of keys: the private one as PEM (PKCS #8), the public one as base64 of its 32 bytes. */
export async function createKeys(): Promise<{ privatePem: string; publicKey: string }> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
  const pkcs8 = toBase64(new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)));
  const publicKey = toBase64(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  return { privatePem: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, publicKey };
}

/**
 * A line of `SHA256SUMS.sig`, without its end.
 *
 * @throws when the PEM text is no Ed25519 key.
 */
export async function signBytes(bytes: Uint8Array<ArrayBuffer>, privatePem: string): Promise<string> {
  const pkcs8 = fromBase64(privatePem.replaceAll(/-----[A-Z ]+-----|\s/g, ""));
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  return toBase64(new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, bytes)));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { configSchema } from "../../src/shared/config.ts";
import { formatSums, parseSums, type Release } from "../../src/shared/release.ts";
import {
  createKeys,
  isUsableKey,
  signBytes,
  type Trust,
  UntrustedError,
  verifyRelease,
} from "../../src/shared/signatures.ts";

const RUNS = 10_000;
const RELEASE: Release = {
  version: "4.5.6",
  serial: 17,
  files: [
    { name: "ivy-x86_64-unknown-linux-gnu", sizeBytes: 86_123_456, sha256: "0123456789abcdef".repeat(4) },
    { name: "acceptance.js", sizeBytes: 12_000, sha256: "fedcba9876543210".repeat(4) },
  ],
};
const sums = new TextEncoder().encode(formatSums(RELEASE));
const [one, two, stranger] = await Promise.all([createKeys(), createKeys(), createKeys()]);
const signatures = await signWith(one, two);
const both: Trust = { publicKeys: [one.publicKey, two.publicKey], threshold: 2, allowUnsigned: false };

async function signWith(...keys: { privatePem: string }[]): Promise<string> {
  const lines = await Promise.all(keys.map(({ privatePem }) => signBytes(sums, privatePem)));
  return lines.map((line) => `${line}\n`).join("");
}

Deno.test("a release that enough keys have signed is accepted, whoever else has signed it", async () => {
  assertEquals(await verifyRelease(sums, signatures, both), RELEASE);
  const many = await signWith(stranger, two, one);
  assertEquals(await verifyRelease(sums, many, both), RELEASE);
  assertEquals(await verifyRelease(sums, await signWith(two), { ...both, threshold: 1 }), RELEASE);
});

const REFUSED: [name: string, text: () => Promise<string>, trust: Trust, reason: string][] = [
  ["no signature", () => Promise.resolve(""), both, "the release is not signed"],
  [
    "one of two",
    () => signWith(one),
    both,
    "1 of the keys that may sign have signed this release, 2 must",
  ],
  [
    "one of two, twice",
    async () => (await signWith(one)).repeat(2),
    both,
    "0 of the keys that may sign have signed this release, 2 must",
  ],
  [
    "a stranger",
    () => signWith(stranger),
    { ...both, threshold: 1 },
    "0 of the keys that may sign have signed this release, 1 must",
  ],
  [
    "one key that is listed twice",
    () => signWith(one),
    { ...both, publicKeys: [one.publicKey, one.publicKey] },
    "1 of the keys that may sign have signed this release, 2 must",
  ],
  [
    "no key that may sign, and a threshold of none",
    () => signWith(one),
    { publicKeys: [], threshold: 0, allowUnsigned: false },
    "0 of the keys that may sign have signed this release, 1 must",
  ],
];

for (const [name, text, trust, reason] of REFUSED) {
  Deno.test(`refused: ${name}`, async () => {
    await assertRejects(async () => await verifyRelease(sums, await text(), trust), UntrustedError, reason);
  });
}

Deno.test("a number of keys that is none lets nothing in, signed or not", async () => {
  for (const threshold of [NaN, Infinity, -Infinity, 0.5, "1" as never, null as never, undefined as never]) {
    const trust = { publicKeys: [one.publicKey], threshold, allowUnsigned: false };
    await assertRejects(() => verifyRelease(sums, "", trust), TypeError, "expected a whole number of keys");
  }
});

/** y of the points of order 1, 2, 4 and 8, each as it is and with the sign bit, and as p and p + 1 spell them again. */
const SMALL = [
  `01${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  "00".repeat(32),
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

/** The point at infinity as R, and 0 as S: right for every message where the key is the point at infinity, too. */
const FORGED = `${toBase64(`01${"00".repeat(63)}`)}\n`;

function toBase64(hex: string): string {
  return btoa(hex.replaceAll(/../g, (pair) => String.fromCharCode(parseInt(pair, 16))));
}

function withSign(hex: string): string {
  return hex.slice(0, 62) + (parseInt(hex.slice(62), 16) | 0x80).toString(16);
}

for (const hex of SMALL.flatMap((point) => [point, withSign(point)])) {
  Deno.test(`a key of small order signs nothing, and none may be configured: ${hex}`, async () => {
    const publicKey = toBase64(hex);
    assertEquals(isUsableKey(publicKey), false);
    const trust = { publicKeys: [publicKey], threshold: 1, allowUnsigned: false };
    await assertRejects(() => verifyRelease(sums, FORGED, trust), UntrustedError);
    const own = { provider: "github", repository: "a/b", public_keys: [publicKey] };
    assertEquals(configSchema.shape.updater.safeParse(own).success, false);
  });
}

Deno.test("a key that was made for signing is usable", async () => {
  for (let made = 0; made < 20; made++) assertEquals(isUsableKey((await createKeys()).publicKey), true);
  for (const text of ["", "abc", one.publicKey.slice(1), `${one.publicKey.slice(0, -2)}==`]) {
    assertEquals(isUsableKey(text), false);
  }
});

Deno.test("unsigned passes only where a person has allowed it", async () => {
  const trust = { publicKeys: [], threshold: 1, allowUnsigned: true };
  assertEquals(await verifyRelease(sums, "", trust), RELEASE);
  await assertRejects(
    async () => await verifyRelease(sums, "", { ...trust, allowUnsigned: false }),
    UntrustedError,
  );
});

type Edit =
  | { kind: "flip"; bit: number }
  | { kind: "set"; at: number; byte: number }
  | { kind: "insert"; at: number; byte: number }
  | { kind: "delete"; at: number; count: number }
  | { kind: "copy"; at: number; from: number; count: number }
  | { kind: "cut"; at: number };

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), bit: fc.nat() }),
    fc.record({ kind: fc.constant("set" as const), at: fc.nat(), byte: fc.nat(255) }),
    fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), byte: fc.nat(255) }),
    fc.record({ kind: fc.constant("delete" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 90 }) }),
    fc.record({
      kind: fc.constant("copy" as const),
      at: fc.nat(),
      from: fc.nat(),
      count: fc.integer({ min: 1, max: 90 }),
    }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat() }),
  ),
  { minLength: 1, maxLength: 4 },
);

function mutate(original: Uint8Array, list: Edit[]): Uint8Array<ArrayBuffer> {
  const bytes = [...original];
  for (const edit of list) {
    const place = (value: number) => value % (bytes.length + 1);
    if (edit.kind === "flip") bytes[(edit.bit >> 3) % bytes.length]! ^= 1 << (edit.bit & 7);
    else if (edit.kind === "set") bytes[edit.at % bytes.length] = edit.byte;
    else if (edit.kind === "insert") bytes.splice(place(edit.at), 0, edit.byte);
    else if (edit.kind === "delete") bytes.splice(place(edit.at), edit.count);
    else if (edit.kind === "cut") bytes.length = place(edit.at);
    else {
      const from = place(edit.from);
      bytes.splice(place(edit.at), 0, ...bytes.slice(from, from + edit.count));
    }
    if (bytes.length === 0) bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

Deno.test(`${RUNS} mutations of the signed list and of its signatures: none is accepted`, async () => {
  let tried = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), edits, async (ofSums, list) => {
      const original = ofSums ? sums : new TextEncoder().encode(signatures);
      const mutated = mutate(original, list);
      const text = new TextDecoder().decode(mutated);
      if (text === new TextDecoder().decode(original)) return;
      if (!ofSums && signatures.split("\n").every((line) => text.split("\n").includes(line))) return; // only a line more
      tried++;
      const verified = ofSums ? verifyRelease(mutated, signatures, both) : verifyRelease(sums, text, both);
      await assertRejects(() => verified);
    }),
    { numRuns: RUNS },
  );
  assertEquals(tried > RUNS * 0.9, true, `${tried}`);
});

Deno.test("there is one text for each list: what differs in any byte is refused or says something else", () => {
  fc.assert(
    fc.property(edits, (list) => {
      const text = new TextDecoder().decode(mutate(sums, list));
      let parsed: Release;
      try {
        parsed = parseSums(text);
      } catch {
        return;
      }
      assertEquals(formatSums(parsed), text);
    }),
    { numRuns: 2000 },
  );
});

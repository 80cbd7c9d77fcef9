// Runs in: tests.

/** A certificate with its key, as PEM texts. */
export interface Identity {
  cert: string;
  key: string;
}

export interface CertificateOptions {
  commonName: string;
  /** DNS names and IPv4 addresses that it is for. */
  names?: string[];
  /** Days from now; default −1 and 30. */
  fromDays?: number;
  toDays?: number;
}

/** An authority that issues certificates for tests. */
export interface Authority {
  cert: string;
  issue(options: CertificateOptions): Promise<Identity>;
}

const DAY_MS = 86_400_000;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

/** Makes an authority of its own (X.509 v3, ECDSA P-256). */
export async function createAuthority(commonName = "Test authority"): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const own = {
    commonName,
    names: [],
    keys,
    issuerName: commonName,
    issuerKey: keys.privateKey,
    isAuthority: true,
  };
  const cert = await certificate(own);
  return {
    cert,
    async issue(options) {
      const subject = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
      const wish = {
        ...options,
        keys: subject,
        issuerName: commonName,
        issuerKey: keys.privateKey,
        isAuthority: false,
      };
      const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", subject.privateKey));
      return { cert: await certificate(wish), key: pem("PRIVATE KEY", pkcs8) };
    },
  };
}

async function certificate(
  options: CertificateOptions & {
    keys: CryptoKeyPair;
    issuerName: string;
    issuerKey: CryptoKey;
    isAuthority: boolean;
  },
): Promise<string> {
  const { commonName, names = [], fromDays = -1, toDays = 30, keys, issuerName, issuerKey, isAuthority } =
    options;
  const at = (days: number) => utcTime(new Date(Date.now() + days * DAY_MS));
  const body = sequence(
    tagged(0xa0, integer(new Uint8Array([2]))), // version 3
    integer(crypto.getRandomValues(new Uint8Array(12))),
    ECDSA_WITH_SHA256,
    name(issuerName),
    sequence(at(fromDays), at(toDays)),
    name(commonName),
    new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)),
    tagged(0xa3, sequence(...extensions(names, isAuthority))),
  );
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, issuerKey, body));
  const signature = sequence(integer(raw.slice(0, 32)), integer(raw.slice(32)));
  return pem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256, bitString(signature)));
}

function extensions(names: string[], isAuthority: boolean): Uint8Array[] {
  const basic = sequence(...(isAuthority ? [der(0x01, new Uint8Array([0xff]))] : []));
  const list = [sequence(oid("2.5.29.19"), der(0x01, new Uint8Array([0xff])), octets(basic))];
  if (names.length === 0) return list;
  const alternatives = names.map((own) =>
    /^[\d.]+$/.test(own)
      ? der(0x87, Uint8Array.from(own.split(".").map(Number)))
      : der(0x82, new TextEncoder().encode(own))
  );
  return [...list, sequence(oid("2.5.29.17"), octets(sequence(...alternatives)))];
}

function der(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  const whole = new Uint8Array(1 + bytes.length + length);
  whole.set([tag, ...bytes]);
  parts.reduce((offset, part) => {
    whole.set(part, offset);
    return offset + part.length;
  }, 1 + bytes.length);
  return whole;
}

function sequence(...parts: Uint8Array[]) {
  return der(0x30, ...parts);
}

function tagged(tag: number, content: Uint8Array) {
  return der(tag, content);
}

function octets(content: Uint8Array) {
  return der(0x04, content);
}

function bitString(content: Uint8Array) {
  return der(0x03, new Uint8Array([0]), content);
}

/** An unsigned big-endian number. */
function integer(bytes: Uint8Array) {
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.slice(first === -1 ? bytes.length - 1 : first);
  return short[0]! < 128 ? der(0x02, short) : der(0x02, new Uint8Array([0]), short);
}

function oid(text: string) {
  const [first, second, ...rest] = text.split(".").map(Number) as [number, number, ...number[]];
  const bytes = rest.flatMap((part) => {
    const digits = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) digits.unshift((left & 127) | 128);
    return digits;
  });
  return der(0x06, new Uint8Array([first * 40 + second, ...bytes]));
}

function name(commonName: string) {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), der(0x0c, new TextEncoder().encode(commonName)))));
}

function utcTime(date: Date) {
  return der(0x17, new TextEncoder().encode(date.toISOString().replace(/^..|[-:T]|\.\d+/g, "")));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

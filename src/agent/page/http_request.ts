// Runs in: main thread.

/** One request, read whole. */
export interface HttpRequest {
  method: string;
  url: URL;
  headers: Headers;
  /** Empty when there is none. */
  body: string;
  /** Of who sent it. */
  address: string;
}

/** The request cannot be served; the status says why. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Cookies of other ports of the same host come along, so there is some room. */
const MAX_HEAD_BYTES = 16_384;
/** Room for a token in a form. */
const MAX_BODY_BYTES = 4096;
const HEAD_END = [13, 10, 13, 10];

/** What a request is read from. */
export interface ByteSource {
  /** Of the other end. */
  address: string;
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * Reads the one request that a connection carries.
 *
 * @returns undefined when the connection ended before it was whole.
 * @throws {HttpError}
 */
export async function readRequest(source: ByteSource): Promise<HttpRequest | undefined> {
  const buffer = new Uint8Array(MAX_HEAD_BYTES + MAX_BODY_BYTES);
  let filled = 0;
  const readMore = async (): Promise<boolean> => {
    const count = await source.read(buffer.subarray(filled));
    filled += count ?? 0;
    return count !== null;
  };
  let headBytes = -1;
  for (let from = 0; headBytes < 0; from = Math.max(0, filled - 3)) {
    if (filled >= MAX_HEAD_BYTES) throw new HttpError(431, "the head of the request is too long");
    if (!await readMore()) return undefined;
    headBytes = endOfHead(buffer, from, filled);
  }
  if (headBytes > MAX_HEAD_BYTES) throw new HttpError(431, "the head of the request is too long");
  const head = parseHead(new TextDecoder("latin1").decode(buffer.subarray(0, headBytes - HEAD_END.length)));
  const end = headBytes + bodyLength(head.headers);
  while (filled < end) if (!await readMore()) return undefined;
  const body = new TextDecoder().decode(buffer.subarray(headBytes, end));
  return { ...head, body, address: source.address };
}

/** Offset of the first byte after the empty line; -1 when it has not come yet. */
function endOfHead(buffer: Uint8Array, from: number, filled: number): number {
  for (let at = from; at + HEAD_END.length <= filled; at++) {
    if (HEAD_END.every((byte, offset) => buffer[at + offset] === byte)) return at + HEAD_END.length;
  }
  return -1;
}

/** @throws {HttpError} for anything that two programs could understand differently. */
function parseHead(text: string): Omit<HttpRequest, "body" | "address"> {
  const [first, ...lines] = text.split("\r\n");
  const match = /^([A-Z]{1,16}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/.exec(first!);
  if (match === null) throw new HttpError(400, "expected a request of HTTP/1.1 for a path");
  const headers = parseHeaders(lines);
  const host = headers.get("host");
  if (host === null || !/^[A-Za-z0-9.:[\]_-]+$/.test(host)) throw new HttpError(400, "expected one Host");
  try {
    return { method: match[1]!, url: new URL(`http://${host}${match[2]}`), headers };
  } catch {
    throw new HttpError(400, "expected a valid address");
  }
}

function parseHeaders(lines: string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const match = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\xa0-\xff]*)$/.exec(line);
    if (match === null) throw new HttpError(400, "expected lines of name and value");
    const [, name, value] = match;
    if (/^(host|content-length|authorization|origin)$/i.test(name!) && headers.has(name!)) {
      throw new HttpError(400, `expected one ${name}`);
    }
    headers.append(name!, value!.trimEnd());
  }
  return headers;
}

function bodyLength(headers: Headers): number {
  if (headers.has("transfer-encoding")) throw new HttpError(411, "expected a Content-Length");
  const length = headers.get("content-length") ?? "0";
  if (!/^\d{1,10}$/.test(length)) throw new HttpError(400, "expected a valid Content-Length");
  if (Number(length) > MAX_BODY_BYTES) throw new HttpError(413, "the body of the request is too long");
  return Number(length);
}

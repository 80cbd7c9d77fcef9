// Runs in: tests.

/** What a server said, as far as it is HTTP. */
export interface RawAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

/** Sends bytes as they are and reads until the server closes; `fetch` would not send most of what tests need. */
export async function sendRaw(port: number, text: string | Uint8Array): Promise<RawAnswer> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  return parseAnswer(await readAll(conn));
}

/** A request with a head of its own. `head` replaces what is usual. */
export function request(path: string, { method = "GET", body = "", head = {} }: {
  method?: string;
  body?: string;
  head?: Record<string, string>;
} = {}): string {
  const all = {
    "host": "localhost",
    ...(body === "" ? {} : { "content-length": String(body.length) }),
    ...head,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Reads until the other side closes or resets. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0),
    headers: new Map(lines.map((line): [string, string] => {
      const at = line.indexOf(": ");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
    })),
    body: end < 0 ? text : text.slice(end + 4),
  };
}

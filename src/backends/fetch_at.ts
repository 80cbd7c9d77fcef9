// Runs in: backend worker.
import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";

/** What {@link fetchAt} asks. */
export interface RequestAt {
  method?: string;
  headers: Headers;
  body?: string;
  signal: AbortSignal;
}

const WITHOUT_BODY = [101, 204, 205, 304];

/**
 * As `fetch`, at one of the addresses of the URL's host; its certificate is for the host's name all the same. `fetch`
 * chooses by itself and waits for minutes when the first one is silent. Redirects are not followed.
 */
export function fetchAt(address: string, url: string, request: RequestAt): Promise<Response> {
  const { protocol, hostname, host, port, pathname, search } = new URL(url);
  const { method = "GET", headers, body, signal } = request;
  const options = {
    host: address,
    port: port || (protocol === "https:" ? 443 : 80),
    path: pathname + search,
    method,
    headers: {
      ...Object.fromEntries(headers),
      host,
      "content-length": new TextEncoder().encode(body).length,
    },
    servername: hostname,
    signal,
    agent: false,
  } as const;
  return new Promise((resolve, reject) => {
    const asked = protocol === "https:" ? https.request(options) : http.request(options);
    asked.on("error", reject);
    asked.on("response", (answer) => {
      try {
        resolve(responseOf(answer, method));
      } catch (error) {
        reject(error);
      }
    });
    asked.end(body);
  });
}

function responseOf(answer: http.IncomingMessage, method: string): Response {
  const status = answer.statusCode ?? 0;
  if (status >= 300 && status < 400 && status !== 304) {
    answer.destroy();
    throw new TypeError(`the server redirects (${status}), which is not followed`);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
  const hasBody = method !== "HEAD" && !WITHOUT_BODY.includes(status);
  if (!hasBody) answer.resume();
  return new Response(hasBody ? Readable.toWeb(answer) as ReadableStream : null, { status, headers });
}

// Runs in: main thread.
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Asset } from "./assets.ts";
import type { HttpRequest } from "./http_request.ts";
import type { HttpResponse } from "./http_response.ts";

interface Prepared {
  etag: string;
  plain: Uint8Array;
  gzipped: Uint8Array;
}

/** Serves files that never change while the program runs; each is compressed once. */
export class StaticFiles {
  #prepared = new Map<Asset, Prepared>();

  answer(asset: Asset, { headers }: Pick<HttpRequest, "headers">, status = 200): HttpResponse {
    const { etag, plain, gzipped } = this.#prepare(asset);
    const common = {
      "content-type": asset.type,
      "cache-control": "no-cache", // may be kept, and is asked for again: an update shows at once
      "etag": etag,
      "vary": "accept-encoding",
    };
    if (status === 200 && headers.get("if-none-match") === etag) {
      return { status: 304, headers: common, body: new Uint8Array() };
    }
    return acceptsGzip(headers)
      ? { status, headers: { ...common, "content-encoding": "gzip" }, body: gzipped }
      : { status, headers: common, body: plain };
  }

  #prepare(asset: Asset): Prepared {
    const known = this.#prepared.get(asset);
    if (known !== undefined) return known;
    const plain = new TextEncoder().encode(asset.text);
    const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
    const prepared = { etag, plain, gzipped: new Uint8Array(gzipSync(plain)) };
    this.#prepared.set(asset, prepared);
    return prepared;
  }
}

export function acceptsGzip(headers: Headers): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(headers.get("accept-encoding") ?? "");
}

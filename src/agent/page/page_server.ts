// Runs in: main thread.
import type { Access } from "./access.ts";
import type { AllowedHosts } from "./allowed_hosts.ts";
import { ASSETS, indexPage, loginForm } from "./assets.ts";
import { HttpError, type HttpRequest } from "./http_request.ts";
import { type HttpResponse, textResponse } from "./http_response.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";
import { StaticFiles } from "./static_files.ts";

/** Who has tried too many tokens may try another after this time, in seconds. */
const WAIT_SECONDS = 5;

/** Answers a request that may be answered. */
export type PageRoute = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface PageServerOptions {
  access: Access;
  hosts: AllowedHosts;
  /** By path; all are read with GET. */
  routes: Record<string, PageRoute>;
  /** The paths among them that need no token. */
  open: readonly string[];
}

/** Decides who gets what: every door of the page is in this file. */
export class PageServer {
  #options: PageServerOptions;
  #files = new StaticFiles();

  constructor(options: PageServerOptions) {
    this.#options = options;
  }

  async answer(request: HttpRequest): Promise<HttpResponse> {
    const response = await this.#guarded(request);
    return {
      ...response,
      headers: { "cache-control": "no-store", ...response.headers, ...SECURITY_HEADERS },
    };
  }

  async #guarded(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await this.#judge(request);
    } catch (error) {
      if (error instanceof HttpError) return textResponse(error.status, `${error.message}\n`);
      throw error;
    }
  }

  #judge(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const { method, url } = request;
    if (!this.#options.hosts.allows(url.hostname)) {
      return textResponse(421, `this node is not called ${url.hostname}; see status_page.host\n`);
    }
    if (url.pathname === "/login" && method === "POST") {
      return this.#change(request, () => this.#logIn(request));
    }
    if (url.pathname === "/logout") return this.#change(request, () => this.#logOut());
    if (method !== "GET" && method !== "HEAD") return notAllowed("GET, HEAD");
    if (isForeignRequest(request)) return textResponse(403, "another site must not read this\n");
    return this.#read(request);
  }

  #read(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const { access, routes, open } = this.#options;
    const { pathname } = request.url;
    const asset = ASSETS[pathname]; // nothing that every object has begins with a slash
    if (asset !== undefined) return this.#files.answer(asset, request);
    const route = routes[pathname];
    if (route !== undefined && open.includes(pathname)) return route(request);
    const verdict = access.judge(request);
    if (verdict === "too_many") return tooMany();
    if (pathname === "/login") {
      return verdict === "granted" ? seeOther("/") : this.#files.answer(loginForm, request);
    }
    if (pathname === "/") {
      return verdict === "granted" ? this.#files.answer(indexPage, request) : seeOther("/login");
    }
    if (verdict === "denied") {
      return textResponse(401, "expected the token of status_page\n", { "www-authenticate": "Bearer" });
    }
    return route === undefined ? textResponse(404, `there is no ${pathname}\n`) : route(request);
  }

  /** The only two requests that change anything, and only in the browser that sends them from this page. */
  #change(request: HttpRequest, work: () => HttpResponse): HttpResponse {
    if (request.method !== "POST") return notAllowed("POST");
    if (!isOwnForm(request)) {
      return textResponse(403, "expected the form of this page\n");
    }
    return work();
  }

  #logIn(request: HttpRequest): HttpResponse {
    const { access } = this.#options;
    const token = new URLSearchParams(request.body).get("token") ?? "";
    switch (access.tryToken(token, request.address)) {
      case "granted":
        return seeOther("/", { "set-cookie": access.newCookie() });
      case "denied":
        return seeOther("/login?failed=1");
      case "too_many":
        return seeOther(`/login?wait=${WAIT_SECONDS}`);
    }
  }

  #logOut(): HttpResponse {
    return seeOther("/", { "set-cookie": this.#options.access.noCookie() });
  }
}

function notAllowed(allowed: string): HttpResponse {
  return textResponse(405, `expected ${allowed}\n`, { "allow": allowed });
}

function seeOther(location: string, headers: Record<string, string> = {}): HttpResponse {
  return textResponse(303, "", { location, ...headers });
}

function tooMany(): HttpResponse {
  const headers = { "retry-after": String(WAIT_SECONDS) };
  return textResponse(429, "too many wrong tokens; try again in a few seconds\n", headers);
}

/** The scheme may differ: something in front of the node may speak TLS. */
function isOwnForm({ headers, url }: HttpRequest): boolean {
  const origin = headers.get("origin");
  return origin !== null && URL.canParse(origin) && new URL(origin).host === url.host;
}

/** A script or an image of another site; following a link is fine. Browsers that do not say count as the page itself. */
function isForeignRequest({ headers }: HttpRequest): boolean {
  const site = headers.get("sec-fetch-site");
  return site !== null && site !== "same-origin" && site !== "none" &&
    headers.get("sec-fetch-mode") !== "navigate";
}

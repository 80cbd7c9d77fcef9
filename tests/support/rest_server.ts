// Runs in: tests.
import type { Arrival, SideFailure, SuiteServer } from "./backend_suite.ts";
import { freePort } from "./free_port.ts";

export interface RestServer extends SuiteServer {
  readonly port: number;
  /** Every request, in order. */
  readonly requests: { method: string; path: string; headers: Record<string, string> }[];
}

/** A server that takes batches by POST and gives a configuration by GET. */
export function startRestServer(
  { maxBytes, hostname = "127.0.0.1" }: { maxBytes: number; hostname?: string },
): RestServer {
  const port = freePort();
  const arrivals: Arrival[] = [];
  const requests: RestServer["requests"] = [];
  let isPoison = (_id: number) => false;
  let gate: PromiseWithResolvers<void> | undefined;
  let configuration: string | undefined;
  let failure: SideFailure | null = null;
  let forever = Promise.withResolvers<void>();
  let etag = "";
  let parcel = 0;
  let inFlight = 0;
  let mostInFlight = 0;
  let server: Deno.HttpServer | undefined;
  let connections = new AbortController();

  async function take(request: Request): Promise<Response> {
    const text = await request.text();
    if (text.length > maxBytes) return new Response(null, { status: 413 });
    const number = ++parcel;
    const own = (JSON.parse(text) as { id: number }[]).map((element) => {
      return { id: element.id, element, parcel: number, isAccepted: false };
    });
    arrivals.push(...own);
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    await gate?.promise;
    inFlight--;
    if (own.some(({ id }) => isPoison(id))) return new Response(null, { status: 422 });
    for (const arrival of own) arrival.isAccepted = true;
    return new Response(null, { status: 204 });
  }

  async function give(request: Request): Promise<Response> {
    if (failure === "refuse") return new Response(null, { status: 500 });
    if (failure === "be silent") await forever.promise;
    if (failure === "hang up") throw new TypeError("cuts the answer");
    if (configuration === undefined) return new Response(null, { status: 404 });
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
    return new Response(configuration, { headers: { etag } });
  }

  function start(): void {
    connections = new AbortController();
    server = Deno.serve(
      { hostname, port, onListen: () => {}, signal: connections.signal },
      (request) => {
        const { pathname } = new URL(request.url);
        requests.push({
          method: request.method,
          path: pathname,
          headers: Object.fromEntries(request.headers),
        });
        if (request.method === "HEAD") return new Response(null, { status: 405 });
        return request.method === "POST" ? take(request) : give(request);
      },
    );
  }

  async function down(): Promise<void> {
    connections.abort();
    gate?.reject(new Error("the server goes down"));
    gate?.promise.catch(() => {});
    if (gate !== undefined) gate = Promise.withResolvers();
    await server?.finished;
  }

  start();
  return {
    port,
    requests,
    settings: {
      url: `http://${hostname}:${port}/messages`,
      configuration_url: `http://${hostname}:${port}/configuration`,
      seconds_between_configurations: 1,
    },
    arrivals: () => arrivals,
    down,
    up() {
      start();
      return Promise.resolve();
    },
    holdAnswers(isHolding) {
      if (!isHolding) gate?.resolve();
      gate = isHolding ? Promise.withResolvers() : undefined;
    },
    refuse: (poison) => void (isPoison = poison),
    failBeside(how) {
      forever.resolve();
      forever = Promise.withResolvers();
      failure = how;
    },
    mostInFlight: () => mostInFlight,
    configure(revision, config) {
      configuration = JSON.stringify(config);
      etag = `"${revision}"`;
      return Promise.resolve();
    },
    async [Symbol.asyncDispose]() {
      gate?.resolve();
      forever.resolve();
      await down();
    },
  };
}

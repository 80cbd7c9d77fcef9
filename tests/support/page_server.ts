// Runs in: tests.
import { type Asset, ASSETS, indexPage, loginForm } from "../../src/agent/page/assets.ts";
import { SECURITY_HEADERS } from "../../src/agent/page/security_headers.ts";
import { type PageAnswers, pageAnswers } from "./page_answers.ts";

const FILES: Readonly<Record<string, Asset>> = { ...ASSETS, "/": indexPage, "/login": loginForm };

/** Serves the page with canned answers: for what takes a real node a day, or is rude. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
  readonly answers: PageAnswers;
  /** `Last-Event-ID` of each stream that was opened, or "" */
  readonly resumed: string[];
  /** How many streams are open. */
  readonly open: number;
  /** Sends an event to every open page. */
  send(event: string, data: unknown): void;
  /** Ends every stream; new ones are answered by this status. */
  cut(status?: number): void;
}

export function startPageServer(answers: PageAnswers = pageAnswers(Date.now())): PageServer {
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const resumed: string[] = [];
  let streamStatus = 200;
  let id = 0;
  const stream = (request: Request) => {
    if (streamStatus !== 200) return new Response("not now", { status: streamStatus });
    resumed.push(request.headers.get("last-event-id") ?? "");
    let own: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        own = controller;
        streams.add(own);
        own.enqueue(new TextEncoder().encode("retry: 500\n\n"));
        own.enqueue(eventBytes("status", answers.status, ++id));
      },
      cancel: () => void streams.delete(own),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/api/v1/events") return stream(request);
    if (pathname.startsWith("/api/v1/")) {
      const found = answer(answers, pathname.slice(8), searchParams);
      return found === null ? new Response("not now", { status: 503 }) : Response.json(found);
    }
    return file(pathname);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    answers,
    resumed,
    get open() {
      return streams.size;
    },
    send(event, data) {
      id++;
      for (const controller of streams) controller.enqueue(eventBytes(event, data, id));
    },
    cut(status = 200) {
      streamStatus = status;
      for (const controller of streams) controller.close();
      streams.clear();
    },
    [Symbol.asyncDispose]: async () => {
      for (const controller of streams) controller.close();
      streams.clear();
      await server.shutdown();
    },
  };
}

function answer(answers: PageAnswers, name: string, query: URLSearchParams): unknown {
  switch (name) {
    case "series":
      return seriesAnswer(answers.measure, query);
    case "logs":
      return { entries: answers.logs };
    case "status":
      return answers.status;
    case "state":
      return answers.state;
    default:
      return answers.config;
  }
}

function seriesAnswer(measure: PageAnswers["measure"], query: URLSearchParams) {
  const toMs = Date.now();
  const fromMs = Number(query.get("from_ms") ?? toMs - 24 * 3_600_000);
  const points = Number(query.get("points"));
  const bucketMs = (toMs - fromMs) / points;
  const wanted = query.get("keys")?.split(",") ?? Object.keys(measure);
  const keys = Object.fromEntries(wanted.map((key) => {
    const mean = Array.from(
      { length: points },
      (_, index) => measure[key]!(fromMs + (index + 0.5) * bucketMs),
    );
    const shift = (by: number) => mean.map((value) => value === null ? null : value + by);
    return [key, { mean, min: shift(-1), max: shift(1) }];
  }));
  return { from_ms: fromMs, bucket_ms: bucketMs, keys, keys_left_out: 3 };
}

function file(pathname: string): Response {
  const asset = FILES[pathname];
  if (asset === undefined) return new Response("not found", { status: 404 });
  return new Response(asset.text, { headers: { "content-type": asset.type, ...SECURITY_HEADERS } });
}

function eventBytes(event: string, data: unknown, id: number): Uint8Array {
  return new TextEncoder().encode(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

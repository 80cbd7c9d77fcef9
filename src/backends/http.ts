// Runs in: backend worker.
import * as z from "zod";
import { commonSettings, createRequestLink, defineBackend, RefusedError } from "../runtime/backend.ts";
import { secret } from "../shared/secrets.ts";
import { pause } from "../shared/time.ts";
import { decodeConfiguration } from "./heard.ts";

const ANSWER_LIMIT_MS = 30_000;
const MAX_PARCEL_BYTES = 1_048_576;
/** The server has read the batch and finds it wrong; anything else but 2xx may be better later. */
const CONTENT_STATUS: ReadonlySet<number> = new Set([400, 413, 422]);
const url = z.url({ protocol: /^https?$/ });

const config = z.strictObject({
  ...commonSettings,
  url: url.describe("takes a JSON array of messages by POST and answers 2xx when it has them"),
  configuration_url: url.optional().describe("gives a configuration by GET, with an ETag"),
  seconds_between_configurations: z.int().min(1).max(86_400).default(300).describe(
    "seconds between two GETs",
  ),
  max_batch_messages: z.int().min(1).max(10_000).default(500).describe("most messages in one POST"),
  access_token: secret().optional().describe("sent as a bearer token"),
});

/** Any store with a REST door: batches by POST, acknowledged by 2xx; configurations by GET, every so often. */
export default defineBackend({
  provider: "http",
  config,
  open({ config, facts, inbox }) {
    const headers = {
      "content-type": "application/json",
      "ivy-system": facts.systemIdentifier,
      ...(facts.storeId === null ? {} : { "ivy-store": facts.storeId }),
      ...(config.access_token === undefined ? {} : { authorization: `Bearer ${config.access_token}` }),
    };
    const ask = (url: string, { headers: more, ...init }: RequestInit = {}) => {
      const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
      return fetch(url, { ...init, headers: { ...headers, ...more }, redirect: "error", signal });
    };
    let etag = "";
    async function watchConfiguration(url: string, signal: AbortSignal): Promise<void> {
      do {
        const response = await ask(url, etag === "" ? {} : { headers: { "if-none-match": etag } });
        const payload = await response.bytes();
        etag = response.headers.get("etag") ?? "";
        if (response.status === 200) inbox.heard(decodeConfiguration(payload));
        else if (response.status !== 304) inbox.garbage(`${response.status} instead of a configuration`);
      } while (await pause(config.seconds_between_configurations * 1000, signal));
    }
    return {
      encode: ({ id, timestamp, body }) => ({
        id,
        channel: config.url,
        text: `{"id":${id},"timestamp":${timestamp},"message_body":${body}}`,
      }),
      async connect() {
        await (await ask(config.url, { method: "HEAD" })).body?.cancel(); // any answer will do
        const { configuration_url: from, max_batch_messages: maxElements } = config;
        return createRequestLink({
          description: config.url,
          limits: { isArray: true, maxElements, maxBytes: MAX_PARCEL_BYTES, maxPoints: Infinity },
          async send({ payload }) {
            const { ok, status, body } = await ask(config.url, { method: "POST", body: payload });
            await body?.cancel();
            if (ok) return;
            const fault = CONTENT_STATUS.has(status) ? "content" : "circumstances";
            throw new RefusedError(`the server answers ${status}`, fault);
          },
          ...(from === undefined ? {} : { beside: (signal) => watchConfiguration(from, signal) }),
        });
      },
    };
  },
});

// Runs in: backend worker.
import * as z from "zod";
import { commonSettings, defineBackend, type LinkEnd, RefusedError } from "../runtime/backend.ts";
import { secret } from "../shared/secrets.ts";
import { pause } from "../shared/time.ts";
import { decodeConfiguration } from "./heard.ts";

const ANSWER_LIMIT_MS = 30_000;
const MAX_PARCEL_BYTES = 1_048_576;
/** The server has read the batch and finds it wrong. */
const CONTENT_STATUS: ReadonlySet<number> = new Set([400, 413, 422]);
const url = z.url({ protocol: /^https?$/ });

const config = z.strictObject({
  ...commonSettings,
  url: url.describe("takes a JSON array of messages by POST and answers 2xx when it has them"),
  configuration_url: url.optional().describe("gives a configuration by GET, with an ETag"),
  seconds_between_configurations: z.int().min(1).max(86_400).default(300).describe(
    "seconds from one GET to the next",
  ),
  max_batch_messages: z.int().min(1).max(10_000).default(500).describe("most messages in one POST"),
  access_token: secret().optional(),
});

/** Any store with a REST door: batches by POST, configurations by GET. */
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
    const ask = (url: string, more: RequestInit) =>
      fetch(url, {
        ...more,
        headers: { ...headers, ...more.headers },
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
    let etag = "";
    const fetchConfiguration = async (url: string) => {
      const response = await ask(url, etag === "" ? {} : { headers: { "if-none-match": etag } });
      const payload = await response.bytes();
      if (response.status === 200) inbox.heard(decodeConfiguration(payload));
      else if (response.status !== 304) {
        inbox.garbage(`the server answers ${response.status} instead of a configuration`);
      }
      etag = response.headers.get("etag") ?? "";
    };
    const watchConfiguration = async (url: string, signal: AbortSignal) => {
      do await fetchConfiguration(url); while (
        await pause(config.seconds_between_configurations * 1000, signal)
      );
    };
    return {
      encode: ({ id, timestamp, body }) => ({
        id,
        channel: config.url,
        text: `{"id":${id},"timestamp":${timestamp},"message_body":${body}}`,
      }),
      async connect() {
        await (await ask(config.url, { method: "HEAD" })).body?.cancel(); // any answer will do
        const ended = Promise.withResolvers<LinkEnd>();
        const closing = new AbortController();
        const close = ({ reason }: { reason: string }) => {
          closing.abort();
          ended.resolve({ reason, byServer: false });
          return Promise.resolve();
        };
        if (config.configuration_url !== undefined) {
          watchConfiguration(config.configuration_url, closing.signal).catch((error) =>
            close({ reason: error.message })
          );
        }
        return {
          description: config.url,
          window: 1,
          limits: () => ({
            isArray: true,
            maxElements: config.max_batch_messages,
            maxBytes: MAX_PARCEL_BYTES,
            maxPoints: Infinity,
          }),
          async send({ payload }) {
            const response = await ask(config.url, { method: "POST", body: payload });
            await response.body?.cancel();
            if (response.ok) return;
            const fault = CONTENT_STATUS.has(response.status) ? "content" : "circumstances";
            throw new RefusedError(`the server answers ${response.status}`, fault);
          },
          ended: ended.promise,
          close,
        };
      },
    };
  },
});

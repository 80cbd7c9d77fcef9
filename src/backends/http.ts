// Runs in: backend worker.
import * as z from "zod";
import {
  commonSettings,
  createRequestLink,
  defineBackend,
  RefusedError,
  SideWork,
} from "../runtime/backend.ts";
import { webAddress } from "../shared/addresses.ts";
import { secret, shownText } from "../shared/secrets.ts";
import { decodeConfiguration } from "./heard.ts";
import { limitedBody } from "./limited_body.ts";
import { messageText } from "./message_text.ts";
import { WebClient } from "./web_client.ts";

const ANSWER_LIMIT_MS = 30_000;
/** No configuration is larger. */
const MAX_CONFIG_BYTES = 2_097_152;
/** The server has read the batch and finds it wrong; anything else but 2xx may be better later. */
const faultOf = (status: number) => [400, 413, 422].includes(status) ? "content" : "circumstances";
const seconds = z.int().min(1).max(86_400);

type Asked = { method?: string; headers?: HeadersInit; body?: string };

const config = z.strictObject({
  ...commonSettings,
  url: webAddress().describe("takes a JSON array of messages by POST and answers 2xx when it has them"),
  configuration_url: webAddress().optional().describe("gives a configuration by GET, with an ETag"),
  seconds_between_configurations: seconds.default(300).describe("seconds between two GETs"),
  max_batch_messages: z.int().min(1).max(10_000).default(500).describe("most messages in one POST"),
  access_token: secret().optional().describe("sent as a bearer token"),
});

/** Any store with a REST door: batches by POST, acknowledged by 2xx; configurations by GET, every so often. */
export default defineBackend({
  provider: "http",
  config,
  open({ config, facts, addresses, inbox, logger }) {
    const { url, configuration_url, access_token, max_batch_messages: maxElements } = config;
    const channel = shownText(url);
    const store = new WebClient(url, addresses);
    const ask = (client: WebClient, url: string, init: Asked, ...signals: AbortSignal[]) => {
      const headers = new Headers({ "content-type": "application/json", ...init.headers });
      headers.set("ivy-system", facts.systemIdentifier);
      if (facts.storeId !== null) headers.set("ivy-store", facts.storeId);
      if (access_token !== undefined) headers.set("authorization", `Bearer ${access_token}`);
      const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_LIMIT_MS), ...signals]);
      return client.fetch(url, { ...init, headers, signal });
    };
    let etag = "";
    async function getConfiguration(client: WebClient, from: string, signal: AbortSignal): Promise<void> {
      const headers = etag === "" ? {} : { "if-none-match": etag };
      const response = await client.find((limit) => ask(client, from, { headers }, signal, limit), signal);
      const payload = await limitedBody(response, MAX_CONFIG_BYTES);
      if (response.status === 304) return;
      if (response.status !== 200) throw new Error(`the server answers ${response.status}`);
      etag = response.headers.get("etag") ?? "";
      inbox.heard(decodeConfiguration(payload));
    }
    /** Whether deliveries work or not: a wrong `url` can be put right by a configuration. */
    async function watchConfiguration(signal: AbortSignal): Promise<void> {
      if (configuration_url === undefined) return;
      const everyMs = config.seconds_between_configurations * 1000;
      const what = `the configuration from ${shownText(configuration_url)}`;
      const watching = new SideWork({ what, logger, longestDelayMs: everyMs });
      const client = new WebClient(configuration_url, addresses);
      await watching.repeat((ending) => getConfiguration(client, configuration_url, ending), everyMs, signal);
    }
    let watching: Promise<void> | undefined;
    return {
      encode: (message) => ({ id: message.id, channel, text: messageText(message) }),
      async connect(signal) {
        watching ??= watchConfiguration(signal);
        const found = await store.find((limit) => ask(store, url, { method: "HEAD" }, signal, limit), signal);
        await found.body?.cancel(); // any answer will do
        return createRequestLink({
          description: channel,
          limits: { isArray: true, maxElements, maxBytes: 1_048_576, maxPoints: Infinity },
          async send({ payload }) {
            const { ok, status, body } = await ask(store, url, { method: "POST", body: payload });
            await body?.cancel();
            if (!ok) throw new RefusedError(`the server answers ${status}`, faultOf(status));
          },
        });
      },
    };
  },
});

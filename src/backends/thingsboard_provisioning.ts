// Runs in: backend worker.
import { cutText } from "../shared/text.ts";
import { withLimit } from "../shared/time.ts";
import type { Credentials, EnterAs } from "./mqtt_backend.ts";
import { decode } from "./thingsboard_decode.ts";

const ANSWER_LIMIT_MS = 10_000;
const SUBSCRIBE_LIMIT_MS = 2000;
/** No credential is longer, in UTF-16 code units. */
const MAX_CREDENTIAL_LENGTH = 10_000;

export interface ProvisionRequest {
  deviceName: string;
  provisionDeviceKey: string;
  provisionDeviceSecret: string;
}

/**
 * Gets credentials for this device.
 *
 * @throws {Error} when the server refuses or does not answer.
 */
export async function provision(enterAs: EnterAs, request: ProvisionRequest): Promise<Credentials> {
  const answered = Promise.withResolvers<unknown>();
  const session = await enterAs({ username: "provision" }, (topic, payload) => {
    const event = decode(topic, payload);
    if (event.kind === "provisioned") answered.resolve(event.value);
  });
  try {
    // up to 3.8.1 the server does not answer SUBSCRIBE here; what follows shows whether it has understood
    const subscribed = session.subscribe(["/provision/response"]);
    await session.whileOpen(withLimit(subscribed, SUBSCRIBE_LIMIT_MS, undefined));
    const asked = session.say("/provision/request", JSON.stringify(request)).then(() => answered.promise);
    const answer = withLimit(Promise.race([answered.promise, asked]), ANSWER_LIMIT_MS, undefined);
    return credentialsIn(await session.whileOpen(answer));
  } finally {
    await session.close({ reason: "provisioned", isGraceful: true });
  }
}

/** The credentials in an answer: an access token, or user name and password. */
export function credentialsIn(answer: unknown): Credentials {
  const credentials = anyCredentialsIn(answer);
  if (Object.values(credentials).some((text) => (text ?? "").length > MAX_CREDENTIAL_LENGTH)) {
    throw new Error(`the server gives credentials of more than ${MAX_CREDENTIAL_LENGTH} characters`);
  }
  return credentials;
}

function anyCredentialsIn(answer: unknown): Credentials {
  if (answer === undefined) throw new Error("the server does not answer the request for credentials");
  const { status, credentialsType, credentialsValue, errorMsg } = (answer ?? {}) as Record<string, unknown>;
  if (status !== "SUCCESS") {
    const why = typeof errorMsg === "string" ? errorMsg : String(status);
    throw new Error(`the server refuses credentials: ${cutText(why, 200)}`);
  }
  if (credentialsType === "ACCESS_TOKEN" && typeof credentialsValue === "string") {
    return { username: credentialsValue };
  }
  const { clientId, userName, password } = (credentialsValue ?? {}) as Record<string, unknown>;
  if (credentialsType === "MQTT_BASIC" && typeof userName === "string") {
    return {
      username: userName,
      ...(typeof clientId === "string" ? { client_id: clientId } : {}),
      ...(typeof password === "string" ? { password } : {}),
    };
  }
  const kind = cutText(String(credentialsType), 200);
  throw new Error(`the server gives credentials of a kind that is not supported: ${kind}`);
}

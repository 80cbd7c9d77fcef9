// Runs in: backend worker.
import * as z from "zod";
import { pem, secret } from "../shared/secrets.ts";

const tls = z.strictObject({
  ca: pem("CERTIFICATE").nullable().default(null)
    .describe(
      'certificates of the authorities to trust, as PEM text or {"file": "/path"}; null = the system\'s',
    ),
  cert: pem("CERTIFICATE").optional().describe("this node's own certificate, where the server asks for one"),
  key: secret().optional().describe("the private key of cert"),
  server_name: z.string().min(1).optional().describe(
    "the name in the server's certificate, where it is not the host's",
  ),
}).refine((own) => (own.cert === undefined) === (own.key === undefined), {
  message: "cert and key belong together",
});

/**
 * How to reach an MQTT server.
 *
 * @param username Its schema: some servers take a secret as the user name.
 */
export function mqttConnection<Username extends z.ZodType>(username: Username) {
  return z.strictObject({
    host: z.string().regex(/^[^\s/@]+$/).describe("a host name or an address"),
    port: z.int().min(1).max(65_535).describe("TCP port; by custom 1883, with TLS 8883"),
    tls: tls.nullable().default(null).describe(
      "null = no encryption; {} = TLS with the system's authorities",
    ),
    client_id: z.string().min(1).max(256).optional()
      .describe("unique at the server; default: ivy-SYSTEM_IDENTIFIER-NAME"),
    username: username.optional(),
    password: secret().optional().describe("goes with username"),
    keep_alive_seconds: z.int().min(1).max(65_535).default(60)
      .describe(
        "longest silence before a sign of life is sent, in seconds; after 1.5 times it the link counts as dead",
      ),
    max_in_flight: z.int().min(1).max(65_535).default(100)
      .describe("how many publishes may be unacknowledged; the server may lower it"),
  }).refine((own) => own.password === undefined || own.username !== undefined, {
    message: "a password needs a username",
  });
}

/** The same with secrets and certificates in place. */
export type MqttConnection = z.output<ReturnType<typeof mqttConnection<z.ZodType<string>>>>;

// Runs in: any thread.
import * as z from "zod";
import { NO_USER_INFO, webAddress } from "./addresses.ts";
import { LEVELS } from "./message.ts";
import { type JsonSchema, secret } from "./secrets.ts";
import { isUsableKey } from "./signatures.ts";

/** Each is a thread of its own. */
export const MAX_BACKENDS = 16;
export const MAX_PROCEDURES = 64;
const MAX_NAME_CHARACTERS = 64;

/** A token that nobody guesses, at however many tries a second. */
export const MIN_TOKEN_CHARACTERS = 16;

const threshold = z.enum(LEVELS).nullable();

const general = z.strictObject({
  config_revision: z.int().min(-1).max(2_147_483_647)
    .describe("rises with each change that comes from afar; -1 = never configured from afar"),
  software_version: z.string().regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/)
    .describe("a version such as 1.2.3: the Ivy that this configuration is for"),
  system_identifier: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .describe("a name of letters, digits, dots, dashes and underscores, at most 128"),
  local_only: z.array(z.string().min(1)).optional()
    .describe(
      "what a configuration from afar may not change, as paths with * for any key and [] for any element, and " +
        '"new_references" for new {"env"} and {"file"}; ' +
        'default: ["backends[].rpc", "status_page", "new_references"]; this list, trusted_destinations, ' +
        "backends[].configures and the updater never",
    ),
  trusted_destinations: z.array(z.string().min(1)).optional()
    .describe(
      "where a remote configuration may send secrets that it does not bring itself: host, host:port, or how a web " +
        "address begins; default: only where they go now",
    ),
});

const storage = z.strictObject({
  retention_days: z.int().min(1).max(36_500).nullable().default(null)
    .describe("days that daily message files are kept; null = for ever"),
  log_retention_days: z.int().min(1).max(36_500).nullable().default(90)
    .describe("days that log files are kept; null = for ever"),
  commit_interval_ms: z.int().min(0).max(10_000).default(0)
    .describe(
      "longest wait for more messages before a commit, in milliseconds; higher wears an SD card less",
    ),
  min_free_mb: z.int().min(0).max(1_000_000).optional()
    .describe(
      "free space of the disk below which old data leaves, in MB (10^6 bytes); default: 200, or 5 % of a disk for " +
        "which that is less; more than half of the disk counts as not set",
    ),
  max_outbox_mb: z.int().min(1).max(1_000_000).optional()
    .describe(
      "size of the outbox above which old data leaves it, in MB (10^6 bytes); default: 1024, or half of a disk for " +
        "which that is less; more than the disk has counts as half of it",
    ),
}).prefault({});

const updater = z.strictObject({
  provider: z.enum(["http", "github", "gitlab", "thingsboard"])
    .describe(
      "where releases are: a folder on a web server, releases of a repository, or what ThingsBoard assigns to this device",
    ),
  base_url: webAddress().optional()
    .describe("http: address of the folder that has one folder per version"),
  provider_host: z.string().min(1).refine((host) => !host.includes("@"), { message: NO_USER_INFO }).optional()
    .describe("host of GitHub or GitLab, such as github.com, with or without https://"),
  repository: z.string().regex(/^[\w.-]+(\/[\w.-]+)+$/).optional().describe("such as my-group/ivy"),
  access_token: secret().nullable().default(null)
    .describe("what a private repository or server asks for; null = it asks for nothing"),
  public_keys: z.array(
    z.string().regex(/^[A-Za-z0-9+/]{43}=$/)
      .refine(isUsableKey, { message: "expected a key that ivy release keygen has made" }),
  ).default([]).describe("who may sign releases: contents of KEYFILE.pub"),
  threshold: z.int().min(1).max(16).default(1).describe("how many of these keys must have signed"),
  allow_unsigned: z.boolean().default(false).describe("true: a release needs no signature at all"),
  probation_seconds: z.int().min(1).max(86_400).default(300)
    .describe("how long a new version must stay well before it is accepted"),
  max_kbit_s: z.int().min(16).nullable().default(null).describe(
    "fastest download, in kbit/s; null = no limit",
  ),
  jitter_seconds: z.int().min(0).max(86_400).default(0)
    .describe("longest random wait before a download, so that many nodes do not come at once"),
  max_age_days: z.int().min(1).max(3650).nullable().default(null).describe(
    "warn when the source has offered no release for so many days, which it is asked for once a day; null = do not ask",
  ),
  deno_path: z.string().min(1).nullable().default(null)
    .describe("a Deno that runs a release's acceptance tests; null = that on the PATH, if there is one"),
}).superRefine((settings, context) => {
  const rule = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  const { provider, base_url, repository, public_keys, threshold, allow_unsigned } = settings;
  if (provider === "http" && base_url === undefined) rule("base_url", "expected an address");
  if ((provider === "github" || provider === "gitlab") && repository === undefined) {
    rule("repository", "expected a repository");
  }
  if (!allow_unsigned && new Set(public_keys).size < threshold) {
    rule("public_keys", `expected at least ${threshold} (the threshold)`);
  }
});

const statusPage = z.strictObject({
  host: z.string().regex(/^[A-Za-z0-9.:-]+$/).default("127.0.0.1")
    .describe("address or name of this machine that the page is served on; 0.0.0.0 or :: = every address"),
  port: z.int().min(0).max(65_535).default(8420).describe(
    "TCP port; one that is taken is tried again while the node measures on; 0 = any that is free",
  ),
  token: secret().nullable().default(null)
    .describe("people log in with it, machines send it as a bearer token; needed when others can reach host"),
}).superRefine(({ host, token }, context) => {
  if (isLoopback(host) || token !== null) return;
  const message = `expected a token, since others can reach ${host}`;
  context.addIssue({ code: "custom", path: ["token"], message });
});

/** Whether a host names this machine itself, so that nobody else can reach it. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A procedure's entry: `enabled`, and settings that only its own worker can judge. */
const procedure = z.looseObject({ enabled: z.boolean().describe("whether it runs") });

/** A backend's entry: which it is, and settings that only its own worker can judge. */
const backend = z.looseObject({
  provider: z.string(),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/).optional()
    .describe("letters, digits, dots, dashes and underscores, at most 64; unique; default: the provider"),
  configures: z.boolean().optional()
    .describe(
      "whether its server may configure this node; default: true; must be said where there are several backends, " +
        "and is never changed remotely",
    ),
});

/** The configuration of a node, as far as main itself judges it. Keys are the file's. */
export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  general,
  logging_verbosity: z.strictObject({
    file_archive: threshold.describe("least level that goes to the daily log file; null = none"),
    console_prints: threshold.describe("least level that is printed; null = none"),
    message_sending: threshold.describe("least level that becomes a message; null = none"),
  }),
  storage,
  updater: updater.nullable().default(null).describe("null: this node is updated by hand"),
  backends: z.array(backend).max(MAX_BACKENDS).default([]).describe(
    "[]: messages are kept in local files only",
  ),
  status_page: statusPage.nullable().prefault({}).describe("null: no status page and nothing that listens"),
  procedures: z.record(z.string().max(MAX_NAME_CHARACTERS), procedure)
    .refine((entries) => Object.keys(entries).length <= MAX_PROCEDURES, {
      message: `expected at most ${MAX_PROCEDURES} procedures`,
    })
    .refine((entries) => !Object.hasOwn(entries, "agent"), {
      path: ["agent"],
      message: "expected another name: messages of the agent itself bear this one",
    }),
});

export type Config = z.output<typeof configSchema>;
export type UpdaterSettings = z.output<typeof updater>;
export type StatusPageSettings = z.output<typeof statusPage>;
export type StorageSettings = Config["storage"];
export type BackendSettings = z.output<typeof backend>;
export type ProcedureEntry = z.output<typeof procedure>;

/** The JSON Schema of {@link configSchema}; procedures appear only as far as main knows them. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
}

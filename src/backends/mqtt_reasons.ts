// Runs in: backend worker.

/** Reason codes of MQTT 5 (section 2.4), and return codes 1 to 5 of MQTT 3.1.1, as people say them. */
export const REASONS: ReadonlyMap<number, string> = new Map([
  [1, "it does not speak this version of MQTT"],
  [2, "the client id is not accepted"],
  [3, "the server is not available"],
  [4, "wrong user name or password"],
  [5, "not authorized"],
  [128, "unspecified error"],
  [129, "malformed packet"],
  [130, "protocol error"],
  [131, "implementation specific error"],
  [132, "it does not speak this version of MQTT"],
  [133, "the client id is not accepted"],
  [134, "wrong user name or password"],
  [135, "not authorized"],
  [136, "the server is not available"],
  [137, "the server is busy"],
  [138, "this client is banned"],
  [139, "the server shuts down"],
  [141, "no sign of life in time"],
  [142, "another client took over the session with the same client id"],
  [143, "the topic filter is not valid"],
  [144, "the topic is not valid"],
  [145, "packet identifier in use"],
  [147, "more publishes in flight than it takes"],
  [149, "the packet is too large"],
  [150, "too many messages"],
  [151, "the quota is used up"],
  [152, "an administrator ended it"],
  [153, "the payload's format is not valid"],
  [154, "it does not retain messages"],
  [155, "it does not support this quality of service"],
  [156, "use another server"],
  [157, "the server has moved"],
  [159, "too many connections"],
  [160, "the longest connection time is over"],
]);

/** Reason codes that speak of what was published, not of the moment. */
const CONTENT: ReadonlySet<number> = new Set([149, 153]);
const UNCLEAR: ReadonlySet<number> = new Set([128, 131]);
const VERSION: ReadonlySet<number> = new Set([1, 132]);

/** The server is not available, busy or shuts down, or names another: at another address it may be better. */
const ELSEWHERE: ReadonlySet<number> = new Set([3, 136, 137, 139, 156, 157]);

/** Whether another address of the same server may answer otherwise. */
export function isElsewhere(code: number): boolean {
  return ELSEWHERE.has(code);
}

/** What a publish was refused for. */
export function faultOf(code: number): "content" | "unclear" | "circumstances" {
  return CONTENT.has(code) ? "content" : UNCLEAR.has(code) ? "unclear" : "circumstances";
}

/** True when a connection was refused because of the MQTT version. */
export function isVersionRefusal(code: number): boolean {
  return VERSION.has(code);
}

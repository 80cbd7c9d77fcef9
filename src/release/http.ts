// Runs in: release worker.
import { ReleaseError } from "./errors.ts";

/** Where a file is, and what to say to get it. */
export interface Remote {
  url: string;
  headers: Record<string, string>;
  /** Headers that only the host of `url` may see. */
  credentials: Record<string, string>;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Asks for a file and follows redirects; another host does not see the credentials.
 *
 * @returns an answer with status 200 or 206.
 * @throws {ReleaseError} for any other, and when nobody answers.
 */
export async function request(
  { url, headers, credentials }: Remote,
  more: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  const { origin } = new URL(url);
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const own = new URL(at).origin === origin ? credentials : {};
    const all = { ...headers, ...own, ...more, "accept-encoding": "identity" };
    const response = await ask(at, all, signal);
    const location = response.headers.get("location");
    if (!REDIRECTS.includes(response.status) || location === null) return await checked(response, at);
    await response.body?.cancel();
    const next = new URL(location, at);
    if (new URL(at).protocol === "https:" && next.protocol !== "https:") {
      throw new ReleaseError(`${shown(at)} redirects to ${next.protocol}, which is not safe`, {
        mayMend: true,
      });
    }
    at = next.href;
  }
  throw new ReleaseError(`${shown(url)} redirects more than ${MAX_REDIRECTS} times`, { mayMend: true });
}

async function ask(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers, signal, redirect: "manual" });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new ReleaseError(`${shown(url)} does not answer`, { mayMend: true, cause });
  }
}

async function checked(response: Response, url: string): Promise<Response> {
  const { status, headers } = response;
  const isPage = /^text\/html/.test(headers.get("content-type") ?? "");
  if ((status === 200 || status === 206) && !isPage) return response;
  await response.body?.cancel();
  const answer = isPage && status === 200 ? "a web page instead of a file" : `status ${status}`;
  throw new ReleaseError(`${shown(url)} answers with ${answer}`, { mayMend: true });
}

/** An address for people: what follows a `?` may be a key to a private file. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

// Runs in: main thread.
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { MIN_TOKEN_CHARACTERS } from "../../shared/config.ts";
import { Attempts } from "./attempts.ts";
import type { HttpRequest } from "./http_request.ts";

/** How long a browser stays logged in, in seconds. */
const SESSION_SECONDS = 30 * 86_400;

export type Verdict = "granted" | "denied" | "too_many";

/**
 * Who may see the page. Without a token everybody who reaches it; with one, machines send it as a bearer token, and
 * people log in with it and get a cookie: an end of validity and its signature, so nothing is kept here and a restart
 * logs nobody out. Another token makes every cookie worthless.
 */
export class Access {
  #token: string | null;
  #attempts: Attempts;
  #now: () => number;
  #cookieName: string;
  #compareKey = randomBytes(32);

  /**
   * @param options.name The system identifier: nodes that are reached by tunnels share a host, and so its cookies.
   * @param options.now Unix milliseconds.
   * @param options.monotonic Milliseconds that never jump.
   */
  constructor(
    options: { token: string | null; name: string; now: () => number; monotonic: () => number },
  ) {
    this.#token = options.token;
    this.#now = options.now;
    this.#attempts = new Attempts(options.monotonic);
    this.#cookieName = `ivy_${options.name}`;
  }

  /** Judges a request by its cookie or its bearer token. */
  judge({ headers, address }: HttpRequest): Verdict {
    if (this.#token === null || this.#hasSession(headers)) return "granted";
    const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    return bearer === undefined ? "denied" : this.tryToken(bearer, address);
  }

  /**
   * Compares a token in a time that does not tell how much of it is right; counts failures by the sender's address. The
   * right one is always let in, whatever has come before it: nobody guesses a long token. Only a short one, which an
   * earlier version allowed, is not looked at while its sender has sent too many.
   */
  tryToken(given: string, address: string): Verdict {
    if (this.#token === null) return "granted";
    const areAllowed = this.#attempts.areAllowed(address);
    const isLooked = areAllowed || this.#token.length >= MIN_TOKEN_CHARACTERS;
    if (isLooked && this.#isSame(given, this.#token)) return "granted";
    this.#attempts.countFailure(address);
    return areAllowed ? "denied" : "too_many";
  }

  /** The `Set-Cookie` of someone who has logged in. */
  newCookie(): string {
    const expires = String(Math.floor(this.#now() / 1000) + SESSION_SECONDS);
    return this.#cookie(`${expires}.${this.#sign(expires)}`, SESSION_SECONDS);
  }

  /** The `Set-Cookie` of someone who logs out. */
  noCookie(): string {
    return this.#cookie("", 0);
  }

  #hasSession(headers: Headers): boolean {
    const cookies = (headers.get("cookie") ?? "").split(";").map((cookie) => cookie.trim());
    const own = `${this.#cookieName}=`;
    return cookies.filter((cookie) => cookie.startsWith(own)).slice(0, 4).some((cookie) => {
      const match = /^(\d{1,15})\.([\w-]{43})$/.exec(cookie.slice(own.length));
      return match !== null && Number(match[1]) * 1000 > this.#now() &&
        this.#isSame(match[2]!, this.#sign(match[1]!));
    });
  }

  #sign(text: string): string {
    const key = createHash("sha256").update(`ivy status page session\n${this.#token}`).digest();
    return createHmac("sha256", key).update(text).digest("base64url");
  }

  /** Digests under a key that nobody else knows are of one length and tell nothing of the texts. */
  #isSame(given: string, expected: string): boolean {
    const digest = (text: string) => createHmac("sha256", this.#compareKey).update(text).digest();
    return timingSafeEqual(digest(given), digest(expected));
  }

  #cookie(value: string, maxAge: number): string {
    return `${this.#cookieName}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict`;
  }
}

// Runs in: any thread.
import * as z from "zod";

/** Schema of the address of a web server. Credentials in it would stand in logs: they have settings of their own. */
export function webAddress(): z.ZodURL {
  return z.url({ protocol: /^https?$/ }).refine((text) => !hasUserInfo(text), { message: NO_USER_INFO });
}

/** What is expected where {@link hasUserInfo} is true. */
export const NO_USER_INFO = "expected an address without user name and password";

/** True for an address such as `http://user:password@host`. */
export function hasUserInfo(text: string): boolean {
  if (!text.includes("@") || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== "" || password !== "";
}

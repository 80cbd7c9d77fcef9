// Runs in: main thread.
import { randomBytes } from "node:crypto";
import { EXIT, type ExitStatus } from "../agent/errors.ts";
import type { CommandContext } from "./command.ts";

const TOKEN_BYTES = 24;

/** `ivy page token`: a token that nobody guesses, alone on its line. */
export default function page({ out }: CommandContext): Promise<ExitStatus> {
  out.print(randomBytes(TOKEN_BYTES).toString("base64url"));
  return Promise.resolve(EXIT.done);
}

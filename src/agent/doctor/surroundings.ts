// Runs in: main thread.
import type { Machine } from "../service/machine.ts";
import { KERNEL_ERRORS, KERNEL_JOURNAL } from "./disk.ts";
import type { Question, Surroundings } from "./finding.ts";
import { TEMPERATURE, THROTTLED } from "./machine.ts";

/** A program that hangs (a dead disk, a mount without its server) must not hang the doctor, in seconds. */
const LIMIT_SECONDS = "10";

/** This machine, as far as this user may look. */
export function realSurroundings({ run }: Pick<Machine, "run">): Surroundings {
  return {
    read(path) {
      try {
        return Deno.readTextFileSync(path);
      } catch {
        return undefined;
      }
    },
    async ask(command) {
      const { success, stdout } = await run(["timeout", LIMIT_SECONDS, ...command]);
      return success ? stdout : undefined;
    },
  };
}

/** What an ordinary user is not told everywhere. */
const ROOTS_QUESTIONS: readonly Question[] = [KERNEL_ERRORS, KERNEL_JOURNAL, TEMPERATURE, THROTTLED];

/** The same machine after root's rights are given up, with the answers that root was given before. */
export async function askedByRoot(
  { read, ask }: Surroundings,
  more: readonly Question[],
): Promise<Surroundings> {
  const key = (question: Question) => question.join("\0");
  const asked = [...ROOTS_QUESTIONS, ...more].map(async (question) =>
    [key(question), await ask(question)] as const
  );
  const answers = new Map(await Promise.all(asked));
  return {
    read,
    ask: async (question) => answers.has(key(question)) ? answers.get(key(question)) : await ask(question),
  };
}

// Runs in: main thread.
import { CommandError, EXIT } from "../agent/errors.ts";
import type { StoreAccess } from "../agent/store_access.ts";
import { didYouMean } from "../shared/nearest.ts";
import type { CommandContext } from "./command.ts";
import { alignColumns, paint } from "./output.ts";

const ACTIONS = ["list", "retry", "drop"];
const PAGE = 1000;

/** `ivy messages parked [list|retry|drop] [ID …]` */
export async function parked(store: StoreAccess, context: CommandContext): Promise<void> {
  const [, action = "list", ...words] = context.args;
  if (!ACTIONS.includes(action)) {
    const hint = didYouMean(action, ACTIONS);
    throw new CommandError(
      `messages parked: expected ${ACTIONS.join(", ")}, not "${action}"${hint}`,
      EXIT.wrongUsage,
    );
  }
  if (action === "list") return await list(store, context);
  const backend = context.flags["backend"] as string | undefined;
  if (backend === undefined) {
    throw new CommandError(`messages parked ${action} needs --backend NAME`, EXIT.wrongUsage);
  }
  const kind = action === "retry" ? "parked_retry" : "parked_drop";
  const { count } = await store.request({
    kind,
    backend,
    ids: words.length === 0 ? "all" : words.map(parseId),
  });
  context.out.print(
    `${count} messages of "${backend}" ${action === "retry" ? "wait again" : "were given up"}`,
  );
}

async function list(store: StoreAccess, { flags, out }: CommandContext): Promise<void> {
  const backend = (flags["backend"] as string | undefined) ?? null;
  let isFirst = true;
  for (let afterId = 0;;) {
    const page = await store.request({ kind: "parked_list", backend, afterId, limit: PAGE });
    if (flags["json"] === true) page.forEach((message) => out.print(JSON.stringify(message)));
    else {
      const rows = page.map(({ backend, id, variant, reason, timestamp }) => {
        return [backend, `#${id}`, variant, new Date(timestamp * 1000).toISOString(), reason];
      });
      if (isFirst && rows.length > 0) {
        rows.unshift(["BACKEND", "ID", "VARIANT", "TIME", "REASON"].map(paint.dim));
      }
      for (const line of alignColumns(rows)) out.print(line);
    }
    if (isFirst && page.length === 0 && flags["json"] !== true) out.print("nothing is parked");
    if (page.length < PAGE) return;
    isFirst = false;
    afterId = page.at(-1)!.id;
  }
}

function parseId(word: string): number {
  const id = Number(word.replace(/^#/, ""));
  if (Number.isInteger(id) && id > 0) return id;
  throw new CommandError(`"${word}" is not the number of a message`, EXIT.wrongUsage);
}

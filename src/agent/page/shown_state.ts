// Runs in: main thread.
import { formatBytes } from "../../shared/time.ts";
import type { StateJson } from "./api.ts";

/** Characters of one field, and of all together: the state is sent again whenever it changes. */
const MAX_FIELD = 65_536;
const MAX_WHOLE = 262_144;

/** The state as the page shows it. @param fields JSON text of each field */
export function shownState(fields: Record<string, string>): StateJson {
  let left = MAX_WHOLE;
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => {
      if (text.length > Math.min(left, MAX_FIELD)) {
        return [name, `(too large to show: ${formatBytes(text.length)})`];
      }
      left -= text.length;
      return [name, JSON.parse(text)];
    }),
  );
}

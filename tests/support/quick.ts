// Runs in: tests.
import { assert } from "@std/assert";

const LIMIT_MS = 1000;
/** A quiet machine looks at a node in less than a tenth of a second. */
const LIMIT_LOOKS = 8;

/**
 * Fails when something took a second or more; on a machine that is busy with other things, when it took longer than
 * some looks at the node.
 *
 * @param lookMs How long `ivy status` took just before, in milliseconds.
 */
export function assertQuick(tookMs: number, lookMs: number): void {
  const limitMs = Math.max(LIMIT_MS, LIMIT_LOOKS * lookMs);
  assert(tookMs < limitMs, `took ${Math.round(tookMs)} ms, allowed are ${Math.round(limitMs)}`);
}

// Runs in: backend worker.
import * as z from "zod";

const MAX_TOPIC_BYTES = 1024;

/** Schema of a topic with `{system_identifier}` in it. */
export function topicTemplate(fallback: string, use: string) {
  return z.string().min(1).max(MAX_TOPIC_BYTES).regex(/^(?!\$)[^+#\0{}]*(\{system_identifier\}[^+#\0{}]*)*$/)
    .default(fallback).describe(
      `topic for ${use}; may contain {system_identifier}, no + # and no $ at the start`,
    );
}

/** Puts the values in place of `{name}`. */
export function fillTemplate(template: string, values: Record<string, string>): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

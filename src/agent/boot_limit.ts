// Runs in: main thread.

/**
 * How long a worker's file may take to load and announce itself, in milliseconds. A Raspberry Pi that starts from a
 * slow card, or with everything else at once, needs several seconds; ending its workers would only make it slower.
 */
export const BOOT_LIMIT_MS = 30_000;

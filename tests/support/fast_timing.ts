// Runs in: tests, backend worker.
import { RECONNECT_TIMING } from "../../src/runtime/reconnect.ts";

// A backend that is loaded after this module connects again within tenths of a second, not minutes.
Object.assign(RECONNECT_TIMING, { firstMs: 20, limitMs: 400, stableMs: 1000, burst: 10_000, burstMs: 1000 });

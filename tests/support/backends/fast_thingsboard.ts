// Runs in: backend worker.
import "../fast_timing.ts";
import "../../../src/backends/thingsboard.ts";

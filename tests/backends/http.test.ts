// Runs in: tests.
import http from "../../src/backends/http.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { exampleMessage, testBackend } from "../support/backend_suite.ts";
import { startRestServer } from "../support/rest_server.ts";

testBackend("HTTP", {
  backend: http as unknown as Backend,
  startServer: ({ maxBytes = 2_000_000 } = {}) => Promise.resolve(startRestServer({ maxBytes })),
  window: 1,
  expected(id, timestamp) {
    const line = (variant: "data" | "log" | "config") => ({
      id,
      timestamp,
      message_body: exampleMessage(variant, id),
    });
    return { data: line("data"), log: line("log"), config: line("config") };
  },
});

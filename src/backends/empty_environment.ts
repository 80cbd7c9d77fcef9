// Runs in: backend worker.
import process from "node:process";

// mqtt.js and what it builds on look for debug switches in the environment while they are loaded. A backend worker may
// not see the environment (it may hold secrets), so they find an empty one. Only mqtt_client.ts imports this: a bundler
// that cuts a program into chunks keeps the order of modules within a chunk alone.
Object.defineProperty(process, "env", { value: {}, configurable: true, enumerable: true, writable: true });

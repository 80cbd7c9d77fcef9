// Runs in: backend worker.
import process from "node:process";

// mqtt.js and what it builds on look for debug switches in the environment while they are loaded. A backend worker may
// not see the environment (it may hold secrets), so they find an empty one. Import this before mqtt.js.
Object.defineProperty(process, "env", { value: {}, configurable: true, enumerable: true, writable: true });

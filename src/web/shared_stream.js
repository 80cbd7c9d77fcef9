// Runs in: browser.
import { follow } from "./stream.js";

// One for all tabs that show this node: a shared worker.
const ports = new Set();
let isLive = false;

globalThis.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = () => ports.delete(port); // its tab closes
  port.postMessage({ isLive });
};

follow(tell, (next) => {
  isLive = next;
  tell({ isLive });
});

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

// Runs in: browser.

const EVENTS = ["status", "points", "log", "state"];
/** The node says something every few seconds; after this silence the connection counts as lost. */
const SILENCE_MS = 20_000;
const RETRY_MS = 3000;

/**
 * Follows the node's events for as long as the page is open. A browser has six connections per node, so its tabs share
 * one stream where it can.
 *
 * @param {Record<string, (data: unknown) => void>} handlers by name of the event
 * @param {(isLive: boolean) => void} onChange the connection came or went
 */
export function followTogether(handlers, onChange) {
  const handle = ({ event, text }) => handlers[event](JSON.parse(text));
  if (!("SharedWorker" in globalThis)) return follow(handle, onChange);
  const worker = new SharedWorker("/shared_stream.js", { type: "module" });
  worker.onerror = () => follow(handle, onChange); // an old browser knows no modules there
  const { port } = worker;
  port.onmessage = ({ data }) => "isLive" in data ? onChange(data.isLive) : handle(data);
  addEventListener("pagehide", () => port.postMessage("bye"));
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}

/**
 * The browser reconnects by itself and names the last event it has seen; where it gives up (the node refused it), this
 * tries again.
 *
 * @param {(event: { event: string, text: string }) => void} handle
 */
export function follow(handle, onChange) {
  let source;
  let timer;
  const open = () => {
    source?.close();
    source = new EventSource("/api/v1/events");
    source.addEventListener("open", heard);
    source.addEventListener("error", failed);
    for (const event of EVENTS) {
      source.addEventListener(event, ({ data: text }) => {
        heard();
        handle({ event, text });
      });
    }
    wait(SILENCE_MS);
  };
  const wait = (durationMs) => {
    clearTimeout(timer);
    timer = setTimeout(again, durationMs);
  };
  const again = () => {
    change(false);
    open();
  };
  const change = onlyChanges(onChange);
  const heard = () => {
    wait(SILENCE_MS);
    change(true);
  };
  const failed = () => {
    change(false);
    if (source.readyState === EventSource.CLOSED) wait(RETRY_MS);
  };
  open();
}

function onlyChanges(tell) {
  let last;
  return (next) => {
    if (next !== last) tell(next);
    last = next;
  };
}

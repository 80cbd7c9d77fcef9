// Runs in: broadcast worker.
import type { BroadcasterToMain, MainToBroadcaster } from "../shared/protocol.ts";

// Who has a channel open receives what anybody sends on any channel, and Deno turns it into a list of numbers first,
// byte for byte: 58 MB keep the receiver busy for 13 s. So it is this thread that has main's channel.

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<MainToBroadcaster>) => void;
  postMessage(message: BroadcasterToMain): void;
};
let channel: BroadcastChannel | undefined;

scope.onmessage = ({ data }) => {
  channel ??= new BroadcastChannel(data.channel);
  channel.postMessage(data.message);
  scope.postMessage({ type: "taken" });
};

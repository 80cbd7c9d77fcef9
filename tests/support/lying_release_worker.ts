// Runs in: tests, release worker.
import type { MainToRelease, ReleaseToMain } from "../../src/shared/protocol.ts";
import { SIGNATURES_NAME, SUMS_NAME } from "../../src/shared/release.ts";
import { linkToMain } from "../../src/shared/worker_link.ts";

/** A release worker that an attacker has taken over: it says that all is well of whatever lies in the staging folder. */
const link = linkToMain<ReleaseToMain>("release");
let staging = "";

link.onMessage((message: MainToRelease) => {
  if (message.type === "find") {
    staging = message.order.staging;
    link.startBeating(message.beatIntervalMs);
    const sums = Deno.readFileSync(`${staging}/${SUMS_NAME}`);
    link.send({ type: "found", sums, signatures: Deno.readTextFileSync(`${staging}/${SIGNATURES_NAME}`) });
  } else {
    Deno.writeTextFileSync(`${staging}/ivy`, Deno.readTextFileSync(`${staging}/ivy-${Deno.build.target}`));
    link.send({ type: "fetched", wireBytes: 0, how: "whole" });
  }
});

// Runs in: benchmarks.
import { openPackageLab, packageOf } from "../support/package_lab.ts";
import { startThingsboard } from "../support/thingsboard_server.ts";
import { NEW } from "../support/update_lab.ts";
import { peakBytes, peakRow, resetPeak } from "./peak.ts";
import type { BenchRow } from "./row.ts";

/** What a package costs that ThingsBoard assigns. */
export async function benchPackage({ old, next }: { old: string; next: string }): Promise<BenchRow> {
  await using server = await startThingsboard({ sessionLimits: { maxPayloadSize: 65_536, rateLimits: {} } });
  await using lab = await openPackageLab(old, server);
  const bytes = await packageOf(lab, next);
  const { pid } = lab.lives[0]!;
  const beforeBytes = resetPeak(pid);
  await server.assign({ title: "ivy", version: NEW, bytes });
  await lab.untilLog(/testing 4\.5\.6/, 120_000);
  return peakRow("a package by MQTT", peakBytes(pid) - beforeBytes);
}

// Runs in: any thread.
import denoJson from "../../deno.json" with { type: "json" };

/** The software version of this code, as semantic versioning writes it; `deno.json` is the one place that says it. */
export const version: string = denoJson.version;

// Runs in: any thread.
import denoJson from "../../deno.json" with { type: "json" };

/** The software version of this code, as semantic versioning writes it; `deno.json` is the one place that says it. */
export const version: string = denoJson.version;

/** What this code is a version of: nobody takes another product's release for one, whoever has signed it. */
export const product: string = denoJson.name;

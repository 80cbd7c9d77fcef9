// Runs in: tests.

/** How a command of the documents is tried. */
export type Trial =
  /** It ends well, and prints this. */
  | { prints: RegExp }
  /** It goes on until it has printed this, then Ctrl-C ends it. */
  | { until: RegExp }
  /** It ends with an error on a machine without the hardware, and says this. */
  | { fails: RegExp }
  /** It is not tried here. */
  | { because: string };

const INSTALLING = "changes the machine: tests/e2e/service_install.test.ts does it on one of its own";
const COMPILING = "downloads Deno's runtime: tests/build/compile.test.ts compiles with one that is there";

/** Every command of the documents, in the order in which they are tried. */
export const COMMANDS: Record<string, Trial> = {
  "npx -y deno@2.9.5 task start": { because: "the same as deno task start; npx is Node's" },
  "npx -y deno@2.9.5 task test": { because: "runs this test" },
  "deno check procedures/soil_probe.ts": { prints: /^/ },
  "deno task start": { until: /soil_probe_v1 {2}soil_temperature_c=12.5/ },
  "deno run --no-prompt --allow-all main.ts config validate --root .ivy": { prints: /is valid/ },
  "deno task config-readme": { prints: /^/ },
  "deno task test tests/procedures/soil_probe.test.ts": { prints: /^3 passed, 0 failed$/m },
  "deno run --no-prompt --allow-all main.ts test --root .ivy --procedure soil_probe": {
    fails: /there is no DS18B20/,
  },
  "cp src/backends/http.ts src/backends/my_store.ts": { prints: /^$/ },
  "deno task test tests/backends/my_store.test.ts": {
    because: "docs.test.ts runs a part of it, in less time",
  },
  "deno task ok": { because: "runs this test" },
  "deno task bench": { because: "takes many minutes" },
  "deno task docs": { prints: /dist\/docs\/index.html/ },
  "deno task compile": { because: COMPILING },
  "deno task compile --target aarch64-unknown-linux-gnu": { because: COMPILING },
  "scp dist/ivy-aarch64-unknown-linux-gnu pi@my-node:ivy": { because: "needs another machine" },
  "./ivy init --root ~/node": { prints: /created .*from the template/ },
  "~/node/ivy config validate": { prints: /is valid/ },
  "~/node/ivy start": { prints: /Ivy runs \(PID \d+\)/ },
  "~/node/ivy status": { prints: /running/ },
  "ivy release keygen ~/ivy.key": { prints: /ivy\.key\.pub/ },
  "deno task release": { prints: /dist\/release/ },
  "ivy release sign --key ~/ivy.key dist/release": { prints: /signed/ },
  "ivy release verify --key ~/ivy.key.pub dist/release": { prints: /signed|valid/ },
  "sudo ./ivy install --root /var/lib/ivy --dry-run": { because: INSTALLING },
  "sudo ./ivy install --root /var/lib/ivy": { because: INSTALLING },
  "systemctl status ivy": { because: "needs a machine with systemd" },
  "sudo ivy uninstall": { because: INSTALLING },
};

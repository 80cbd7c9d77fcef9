// Runs in: any thread.

/** Deno's permissions for a worker; what is left out is denied. See `Deno.PermissionOptionsObject`. */
export interface WorkerPermissions {
  /** Variables of the environment, by name. */
  env?: boolean | string[];
  /** Addresses that it may connect to or listen on: `host`, `host:port`. */
  net?: boolean | string[];
  /** Files and folders that it may read. */
  read?: boolean | string[];
  /** Files and folders that it may write. */
  write?: boolean | string[];
  /** Programs that it may start; they run outside the sandbox. */
  run?: boolean | string[];
  /** Facts about the system, such as `loadavg`. */
  sys?: boolean | string[];
  /** Native libraries that it may load; they run outside the sandbox. */
  ffi?: boolean | string[];
}

/** Files under `/proc`, `/sys` and `/dev`, as glob patterns; what is left out is denied. */
export interface DeviceGrants {
  /** What it may read and list. */
  read?: string[];
  /** What it may write to. */
  write?: string[];
}

/** One line of `procedures/registry.ts`. */
export interface ProcedureLine {
  /** The procedure's own file: `import.meta.resolve("./NAME.ts")`. */
  module: string;
  /**
   * All that the procedure may touch. The settings are the raw ones from the configuration: they are validated only
   * inside the worker.
   */
  permissions: (settings: Record<string, unknown>) => WorkerPermissions;
  /**
   * Settings that decide where its secrets go, as paths such as `mqtt_connection.host`; the permissions always count.
   * Default: every setting whose name sounds like it (host, port, url, tls, …), and every address.
   */
  destination?: string[];
  /** What main opens for it. */
  devices?: DeviceGrants;
  /** Silence after which it is restarted, in seconds. Default 60. */
  watchdogSeconds?: number;
  /** Heap and external memory above which it is restarted, in MiB. Default 128. */
  memoryLimitMb?: number;
}

/** One line of `src/backends/registry.ts`. */
export interface BackendLine {
  /** The backend's own file: `import.meta.resolve("./NAME.ts")`. */
  module: string;
  /** The addresses that it may reach, from the raw settings of the configuration. */
  permissions: (settings: Record<string, unknown>) => WorkerPermissions;
  /**
   * Settings that decide where its secrets go, as paths such as `mqtt_connection.host`; the permissions always count.
   * Default: every setting whose name sounds like it (host, port, url, tls, …), and every address.
   */
  destination?: string[];
}

/** Every backend that this program knows, by its provider in the configuration. */
export type BackendRegistry = Record<string, BackendLine>;

/** Every procedure that this program knows, by its name in the configuration. */
export type ProcedureRegistry = Record<string, ProcedureLine>;

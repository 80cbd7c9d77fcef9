// Runs in: tests.
import type { Database } from "../../src/store/database.ts";

/** A disk that is full while it is said to be. */
export interface Fullness {
  isFull: boolean;
}

/** Lets every commit of a database fail as it does on a full disk, while that is so. */
export function failWhileFull(database: Database, disk: Fullness): void {
  const exec = database.exec.bind(database);
  database.exec = (sql: string) => {
    if (disk.isFull && sql === "COMMIT") throw new Error("database or disk is full");
    exec(sql);
  };
}

// Runs in: procedure worker.
throw new Error("broken while loading");

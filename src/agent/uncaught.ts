// Runs in: main thread.

/**
 * Keeps the main thread alive when it throws an error that nobody catches: that is a fault of Ivy's own, and
 * measurements matter more than what broke off. Workers do not need this, they are started again.
 *
 * @param tell what to do with each such error instead of ending the process
 */
export function surviveUncaught(tell: (error: unknown) => void): void {
  addEventListener("error", (event: ErrorEvent) => {
    event.preventDefault();
    tell(event.error ?? event.message);
  });
  addEventListener("unhandledrejection", (event: PromiseRejectionEvent) => {
    event.preventDefault();
    tell(event.reason);
  });
}

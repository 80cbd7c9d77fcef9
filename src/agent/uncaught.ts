// Runs in: main thread.

/**
 * Keeps the main thread alive when it throws an error that nobody catches: that is a fault of Ivy's own, and
 * measurements matter more than what broke off. Workers do not need this, they are started again.
 *
 * @param tell what to do with each such error instead of ending the process
 * @param scope whose errors; default: this thread's
 */
export function surviveUncaught(tell: (error: unknown) => void, scope: EventTarget = globalThis): void {
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    const { error, message } = event as ErrorEvent;
    tell(error ?? message);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    tell((event as PromiseRejectionEvent).reason);
  });
}

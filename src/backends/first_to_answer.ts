// Runs in: backend worker.
import net from "node:net";

/** After so long without an answer the next address is tried as well, in milliseconds (RFC 8305). */
const HEAD_START_MS = 250;
/** How long all of them together may take, in milliseconds. */
const LIMIT_MS = 10_000;

/** None of a server's addresses has answered; the causes are in their order. */
export class NoAnswerError extends Error {
  override name = "NoAnswerError";
  readonly causes: Error[];
  constructor(causes: Error[]) {
    super(causes.map(({ message }) => message).join("; "));
    this.causes = causes;
  }
}

/**
 * Which of a server's addresses takes a connection first. They are tried in their order, each a little after the one
 * before or as soon as that has failed, so that one that is silent costs a quarter of a second and not a minute.
 *
 * @throws {NoAnswerError}
 */
export function firstToAnswer(addresses: string[], port: number, signal: AbortSignal): Promise<string> {
  const sockets: net.Socket[] = [];
  const causes: Error[] = [];
  const timers: Record<string, ReturnType<typeof setTimeout>> = {};
  const answered = Promise.withResolvers<string>();
  const give = (cause: Error) => answered.reject(new NoAnswerError([...causes, cause]));
  const tryNext = () => {
    clearTimeout(timers["next"]);
    const address = addresses[sockets.length];
    if (address === undefined) return;
    const socket = net.connect({ host: address, port });
    sockets.push(socket);
    socket.once("connect", () => answered.resolve(address));
    socket.on("error", (error: Error) => {
      if (causes.push(error) === addresses.length) answered.reject(new NoAnswerError(causes));
      else tryNext();
    });
    timers["next"] = setTimeout(tryNext, HEAD_START_MS);
  };
  const abort = () => give(new Error("it is told to end"));
  signal.addEventListener("abort", abort);
  timers["limit"] = setTimeout(() => give(new Error(`no answer within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  tryNext();
  return answered.promise.finally(() => {
    signal.removeEventListener("abort", abort);
    for (const timer of Object.values(timers)) clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  });
}

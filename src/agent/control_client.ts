// Runs in: main thread.

/** Asks the running agent of a root; see {@link askAgent}. */
export type ControlMethod = "GET" | "POST";

/**
 * Sends a request to the agent that listens on the socket.
 *
 * @returns its answer, or undefined when no agent listens there.
 * @throws {Error} with the agent's own sentence when it could not do what was asked.
 */
export async function askAgent<T>(
  socket: string,
  method: ControlMethod,
  path: string,
): Promise<T | undefined> {
  const response = await requestAgent(socket, method, path);
  if (response === undefined) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new Error(`the agent answered: ${answer.error}`);
  return answer as T;
}

/** Like {@link askAgent}, for answers that stream. */
export async function requestAgent(
  socket: string,
  method: ControlMethod,
  path: string,
  options: { body?: string; signal?: AbortSignal } = {},
): Promise<Response | undefined> {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    return await fetch(`http://ivy${path}`, { method, client, ...options });
  } catch (error) {
    if (error instanceof TypeError) return undefined; // nothing there, or a socket file that a crash left
    throw error;
  }
}

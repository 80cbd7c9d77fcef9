// Runs in: main thread.

/** What may wait for one reader, in bytes. One that is slower than that is cut off: its browser comes again. */
const MAX_WAITING_BYTES = 1_000_000;

/** One open stream of events. */
export class EventListener {
  readonly stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOpen = true;
  #onEnd: (listener: EventListener) => void;

  constructor(onEnd: (listener: EventListener) => void) {
    this.#onEnd = onEnd;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#end(),
    }, { highWaterMark: MAX_WAITING_BYTES, size: ({ length }) => length });
  }

  send(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#controller.enqueue(bytes);
    if (this.#controller.desiredSize! <= 0) this.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#controller.close();
    this.#end();
  }

  #end(): void {
    this.#isOpen = false;
    this.#onEnd(this);
  }
}

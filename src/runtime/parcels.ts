// Runs in: backend worker.
import { Buffer } from "node:buffer";

/** One message in a server's words. */
export interface Element {
  /** The message's. */
  id: number;
  /** Where it goes: a topic, a path. Order holds within a channel. */
  channel: string;
  /** JSON text. */
  text: string;
  /** How much it counts against a server's limit on data points. Default 1. */
  points?: number;
}

/** A message that this server can never take. */
export interface Unsendable {
  /** The message's. */
  id: number;
  /** Why, in words that are the same for every message with the same fault. */
  reason: string;
}

/** The brackets of an array, in bytes. */
const FRAME_BYTES = 2;

/** What goes to the server in one piece, and is accepted or refused as a whole. */
export interface Parcel {
  /** That of all its elements. */
  channel: string;
  /** What is sent: JSON text. */
  payload: string;
  /** Of the payload as UTF-8. */
  sizeBytes: number;
  /** The sum of its elements' points. */
  points: number;
  /** What it was packed from, in order. */
  elements: Element[];
}

/** How large a parcel may become. */
export interface ParcelLimits {
  /** Most elements in one parcel; 1 = every element travels alone. */
  maxElements: number;
  /** Largest payload, in bytes. */
  maxBytes: number;
  /** Most data points in one parcel. */
  maxPoints: number;
  /** The payload is a JSON array of elements; otherwise `maxElements` is 1 and the payload is the element itself. */
  isArray: boolean;
}

/**
 * Puts elements into as few parcels as the limits allow, in order within each channel.
 *
 * @param limitsOf The limits of a channel.
 * @param targetBytes Size above which nothing more joins a parcel.
 * @returns the parcels in the order of their first elements, and what is too large even alone.
 */
export function packParcels(
  elements: Element[],
  limitsOf: (channel: string) => ParcelLimits,
  targetBytes: number,
): { parcels: Parcel[]; unsendable: Unsendable[] } {
  const parcels: Parcel[] = [];
  const unsendable: Unsendable[] = [];
  const open = new Map<string, { limits: ParcelLimits; last: Parcel | undefined }>();
  for (const element of elements) {
    let box = open.get(element.channel);
    if (box === undefined) {
      open.set(element.channel, box = { limits: limitsOf(element.channel), last: undefined });
    }
    const sizeBytes = Buffer.byteLength(element.text);
    if (sizeBytes + FRAME_BYTES > box.limits.maxBytes) {
      unsendable.push({
        id: element.id,
        reason: `larger than the ${box.limits.maxBytes} bytes that the server takes`,
      });
    } else if ((element.points ?? 1) > box.limits.maxPoints) {
      unsendable.push({ id: element.id, reason: "more data points than the server takes at once" });
    } else if (box.last !== undefined && hasRoom(box.last, element, sizeBytes, box.limits, targetBytes)) {
      add(box.last, element, sizeBytes);
    } else parcels.push(box.last = begin(element, sizeBytes));
  }
  for (const parcel of parcels) {
    parcel.payload = join(parcel.elements, open.get(parcel.channel)!.limits.isArray);
  }
  return { parcels, unsendable };
}

/** A refused parcel taken apart, so that the one bad element is found and the others go through. */
export function splitParcel({ elements }: Parcel, limitsOf: (channel: string) => ParcelLimits): Parcel[] {
  return packParcels(elements, limitsOf, 0).parcels;
}

function begin(element: Element, sizeBytes: number): Parcel {
  const { channel, points = 1 } = element;
  return { channel, payload: "", sizeBytes: sizeBytes + FRAME_BYTES, points, elements: [element] };
}

function add(parcel: Parcel, element: Element, sizeBytes: number): void {
  parcel.elements.push(element);
  parcel.sizeBytes += sizeBytes + 1;
  parcel.points += element.points ?? 1;
}

function hasRoom(
  parcel: Parcel,
  { points = 1 }: Element,
  sizeBytes: number,
  limits: ParcelLimits,
  targetBytes: number,
): boolean {
  return parcel.elements.length < limits.maxElements && parcel.points + points <= limits.maxPoints &&
    parcel.sizeBytes + sizeBytes + 1 <= Math.min(limits.maxBytes, targetBytes);
}

function join(elements: Element[], isArray: boolean): string {
  return isArray ? `[${elements.map(({ text }) => text).join(",")}]` : elements[0]!.text;
}

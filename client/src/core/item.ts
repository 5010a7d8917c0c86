/** One message or amendment of the outbox, as it is stored and as it is held. Pure. */
import type { AmendFrame, SendFrame } from "../wire.ts";

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** An item as it is stored. */
export interface OutRecord {
  readonly key: string;
  readonly cid: string;
  /** Rises with every item: they are sent in this order. */
  readonly order: number;
  /** ms, by this device's clock. */
  readonly created: number;
  readonly frame: SendFrame | AmendFrame;
  /** It was written to a connection, and no refusal has said that nothing came of it. */
  readonly tried: boolean;
  /** Its first id was refused as too old. */
  readonly renewed?: true | undefined;
  readonly failure?: Failure | undefined;
  /** Quality of service 2: it is in the log, and the server does not know yet that this is known here. */
  readonly release?: true | undefined;
  /** With `release`: its place. */
  readonly place?: Place | undefined;
  /** The application has chosen its id, so it has no other one. */
  readonly given?: true | undefined;
}

export interface Place {
  readonly seq: number;
  readonly ts: number;
}

export interface Item {
  record: OutRecord;
  /** When the application wrote it, by the core's time. */
  since: number;
  /** It was added here: whether it was written is known. A store may have been too slow to be told. */
  readonly fresh: boolean;
  /** Nothing was written of it before, as far as is known: a refusal is the whole of its outcome. */
  first: boolean;
  /** When it was written to a connection last, by the core's time. */
  wrote: number;
  /** Written to this connection and not answered. */
  flying: boolean;
  /** Not before this time, ms. */
  notBefore: number;
  attempts: number;
  /** Its place, once it is sent; it stays here until the log has got there. */
  placed?: Place | undefined;
}

/** As it begins here. `fresh`: it was added here. */
export function itemOf(record: OutRecord, since: number, fresh: boolean): Item {
  const unwritten = { first: false, wrote: 0, flying: false, notBefore: 0, attempts: 0 };
  return { record, since, fresh, ...unwritten, placed: record.place };
}

/** Its id is known for ever. */
export function lasting({ record: { frame } }: Item): boolean {
  return frame.t === "send" && frame.qos === 2;
}

/** When its time to live is over, by the core's time. */
export function deadline({ record, since }: Item): number {
  const { frame } = record;
  return frame.t === "send" && frame.ttl !== undefined ? since + frame.ttl * 1000 : Infinity;
}

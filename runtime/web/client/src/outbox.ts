import { RefusedError } from './errors.js';
import type { StoredOutgoing } from './storage.js';
import type { Appended, Change, ClientFrame } from './wire.js';

/** How many are sent without an answer: below the gateway's bound of 64. */
const maxFlying = 48;
const retryMinMs = 50;
const retryMaxMs = 5000;

/** Something of the user's own that has no answer yet, or failed, or whose entry has not come yet. */
export interface Item {
  readonly id: string;
  readonly conversation: string;
  readonly change: Change;
  readonly atMs: number;
  order: number;
  afterSeq: number | undefined;
  /** The storage has it: only then it is sent. */
  kept: boolean;
  attempts: number;
  /** It is on the wire, and its answer is to come. */
  flying?: boolean;
  /** Its entry has come, before the answer. */
  landed?: boolean;
  error?: RefusedError;
  ack?: Appended;
}

export function itemOf(stored: StoredOutgoing): Item {
  const { failed, order, id, conversation, change, atMs, afterSeq } = stored;
  return {
    ...{ order, id, conversation, change, atMs, afterSeq },
    kept: true,
    // Whether it was sent before the restart nobody knows.
    attempts: 1,
    ...(failed ? { error: new RefusedError(failed.code, failed.detail, failed.retryAfterMs) } : {}),
  };
}

export function storedOf(item: Item): StoredOutgoing {
  const { order, id, conversation, change, atMs, afterSeq, error } = item;
  return {
    ...{ order, id, conversation, change, atMs },
    ...(afterSeq === undefined ? {} : { afterSeq }),
    ...(error ? { failed: { code: error.code, detail: error.detail, retryAfterMs: error.retryAfterMs } } : {}),
  };
}

/** A conversation's part. waiting[0 … next) are sent; what is behind a refused one is to be sent again. */
interface Lane {
  readonly waiting: Item[];
  next: number;
  /** Nothing is sent before. */
  until: number;
  /** The gateway refuses what follows the first refused one. */
  gated: boolean;
  /** The first one's fate is being looked up. */
  paused: boolean;
  readonly failed: Item[];
  /** Those with an answer whose entries have not come. */
  readonly acked: Item[];
}

/** What has no answer, in order by conversation. Every tab has one; the leader's is sent from. */
export class Outbox {
  private readonly lanes = new Map<string, Lane>();
  private readonly byId = new Map<string, Item>();
  private fails = 0;
  private flying = 0;
  /** How many have no answer. */
  count = 0;

  constructor(private readonly random: () => number) {}

  private lane(conversation: string): Lane {
    let lane = this.lanes.get(conversation);
    if (!lane) {
      lane = { waiting: [], next: 0, until: 0, gated: false, paused: false, failed: [], acked: [] };
      this.lanes.set(conversation, lane);
    }
    return lane;
  }

  get(id: string): Item | undefined {
    return this.byId.get(id);
  }

  all(): Iterable<Item> {
    return this.byId.values();
  }

  add(item: Item): void {
    if (this.byId.has(item.id)) return;
    this.byId.set(item.id, item);
    const lane = this.lane(item.conversation);
    if (item.error) {
      lane.failed.push(item);
      return;
    }
    lane.waiting.push(item);
    this.count++;
  }

  /** Puts each lane into the order of the storage: another tab's may have come out of it. Nothing is on the wire. */
  sort(): void {
    this.rewind();
    for (const lane of this.lanes.values()) {
      lane.paused = false;
      lane.waiting.sort((a, b) => a.order - b.order);
    }
  }

  /** What may go on the wire now, and in how many milliseconds to look again. */
  take(): { frames: ClientFrame[]; againMs?: number } {
    const frames: ClientFrame[] = [];
    const now = Date.now();
    let again = Number.POSITIVE_INFINITY;
    for (const [conversation, lane] of this.lanes) {
      if (lane.paused || lane.next === lane.waiting.length) continue;
      if (now < lane.until) {
        again = Math.min(again, lane.until - now);
        continue;
      }
      for (; lane.next < lane.waiting.length && this.flying < maxFlying; lane.next++) {
        const item = lane.waiting[lane.next] as Item;
        // With two answers to come nobody could tell which is which.
        if (!item.kept || item.flying) break;
        item.attempts++;
        item.flying = true;
        this.flying++;
        lane.gated = false;
        frames.push({
          ...item.change,
          conversation,
          client_msg_id: item.id,
          ...(item.afterSeq === undefined ? {} : { after_seq: item.afterSeq }),
        });
      }
    }
    return again === Number.POSITIVE_INFINITY ? { frames } : { frames, againMs: again };
  }

  /** The connection is new: everything without an answer is sent again. */
  rewind(): void {
    for (const lane of this.lanes.values()) {
      lane.next = 0;
      lane.until = 0;
      lane.gated = false;
      for (const item of lane.waiting) item.flying = false;
    }
    this.flying = 0;
  }

  /** An answer has come. */
  private answered(item: Item): void {
    if (item.flying) this.flying--;
    item.flying = false;
  }

  private cut(lane: Lane, at: number): void {
    for (const item of lane.waiting.splice(at, 1)) this.answered(item);
    if (at < lane.next) lane.next--;
    this.count--;
    this.fails = 0;
  }

  /** Ends with an answer. It stays to be shown until the conversation has come as far. */
  settle(id: string, ack: Appended, position: number): Item | undefined {
    const item = this.byId.get(id);
    if (!item || item.ack) return undefined;
    const lane = this.lane(item.conversation);
    const at = lane.waiting.indexOf(item);
    if (at >= 0) this.cut(lane, at);
    else lane.failed.splice(lane.failed.indexOf(item), 1);
    item.ack = ack;
    if (item.landed || ack.seq <= position) this.drop(item, lane);
    else lane.acked.push(item);
    return item;
  }

  /** The entry of an item has come. */
  landed(id: string): void {
    const item = this.byId.get(id);
    if (item && !item.ack) item.landed = true;
  }

  /** The conversation has come up to a seq: what has its answer there is shown by its entry. */
  advance(conversation: string, position: number): void {
    const lane = this.lanes.get(conversation);
    if (!lane || lane.acked.length === 0) return;
    for (const item of [...lane.acked]) {
      if ((item.ack as Appended).seq > position) continue;
      lane.acked.splice(lane.acked.indexOf(item), 1);
      this.drop(item, lane);
    }
  }

  private drop(item: Item, lane: Lane): void {
    this.byId.delete(item.id);
    if (lane.waiting.length + lane.failed.length + lane.acked.length === 0) this.lanes.delete(item.conversation);
  }

  /** Ends with a refusal for good. What it says stays until it is retried or discarded. */
  fail(id: string, error: RefusedError): Item | undefined {
    const item = this.byId.get(id);
    if (!item || item.ack || item.error) return undefined;
    const lane = this.lane(item.conversation);
    this.cut(lane, lane.waiting.indexOf(item));
    item.error = error;
    lane.failed.push(item);
    return item;
  }

  /** Puts a failed one behind what waits. */
  retry(id: string): Item | undefined {
    const item = this.byId.get(id);
    if (!item?.error) return undefined;
    const lane = this.lane(item.conversation);
    lane.failed.splice(lane.failed.indexOf(item), 1);
    delete item.error;
    lane.waiting.push(item);
    this.count++;
    return item;
  }

  /** Whether it can be taken back, and whether the gateway's gate waits for it: then only a new connection opens that. */
  removable(id: string): 'no' | 'yes' | 'gated' {
    const item = this.byId.get(id);
    if (!item || item.ack) return 'no';
    if (item.error) return 'yes';
    const lane = this.lane(item.conversation);
    const at = lane.waiting.indexOf(item);
    if (at < lane.next || lane.paused) return 'no';
    if (lane.gated && at === lane.next) return 'gated';
    return item.attempts === 0 ? 'yes' : 'no';
  }

  remove(id: string): Item | undefined {
    const item = this.byId.get(id);
    if (!item || item.ack) return undefined;
    const lane = this.lane(item.conversation);
    const at = lane.waiting.indexOf(item);
    if (at >= 0) this.cut(lane, at);
    else lane.failed.splice(lane.failed.indexOf(item), 1);
    this.drop(item, lane);
    return item;
  }

  /** Goes back to a refused one after a while. What is refused behind it is refused because of it and changes nothing more. */
  back(id: string, afterMs: number): void {
    const item = this.byId.get(id);
    const lane = item && this.lanes.get(item.conversation);
    if (!item || !lane) return;
    this.answered(item);
    const at = lane.waiting.indexOf(item);
    if (at < 0 || at >= lane.next) return;
    lane.next = at;
    lane.gated = true;
    this.fails++;
    const wait = Math.min(retryMinMs * 2 ** Math.min(this.fails, 10), retryMaxMs);
    lane.until = Date.now() + afterMs + this.random() * wait;
  }

  /** Stops a conversation at one whose fate must be looked up. */
  pause(id: string): Item | undefined {
    const item = this.byId.get(id);
    const lane = item && this.lanes.get(item.conversation);
    if (!item || !lane) return undefined;
    this.answered(item);
    const at = lane.waiting.indexOf(item);
    if (lane.paused || at < 0) return undefined;
    lane.next = Math.min(lane.next, at);
    lane.paused = true;
    return item;
  }

  resume(conversation: string): void {
    const lane = this.lanes.get(conversation);
    if (lane) lane.paused = false;
  }

  /** What a conversation shows behind its entries: with an answer, then without, then failed. */
  shown(conversation: string): { acked: readonly Item[]; waiting: readonly Item[]; failed: readonly Item[] } {
    return this.lanes.get(conversation) ?? { acked: [], waiting: [], failed: [] };
  }
}

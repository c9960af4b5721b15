import { Backoff, pause } from './backoff.js';
import { type ChatError, OfflineError, RefusedError } from './errors.js';
import type { Run, Talk } from './talk.js';
import type { Entry, HistoryPage, HistoryRange, ServerFrame } from './wire.js';

const pageSize = 200;
/** How many entries are fetched by themselves; of more the last are kept and the others left to the history. */
const fetchMax = 500;
/** How many entries of a conversation wait while something before them is fetched. More are dropped, and fetched then. */
const queueMax = 2000;
const hurryMs = 200;
const patienceMs = 10_000;

export interface IntakeEvents {
  talk(conversation: string): Talk;
  history(conversation: string, range: HistoryRange): Promise<HistoryPage>;
  run(talk: Talk, run: Run): void;
  /** The gateway has sent what this device has: it does not know how far that is. */
  again(talk: Talk): void;
  problem(error: ChatError): void;
}

interface Lane {
  readonly queue: ServerFrame[];
  entries: number;
  /** Something was dropped: what comes after the queue is fetched. */
  dropped: boolean;
}

/** Makes of what comes, in pieces and more than once, each conversation's entries in order and once. */
export class Intake {
  /** Conversations for which something is being fetched. */
  private readonly lanes = new Map<string, Lane>();

  constructor(
    private readonly events: IntakeEvents,
    private readonly random: () => number,
    private readonly signal: AbortSignal,
  ) {}

  take(frame: ServerFrame): void {
    const conversation = frame.conversation ?? '';
    const lane = this.lanes.get(conversation);
    if (!lane) {
      const rest = this.entries(conversation, frame) ?? this.gap(conversation, frame);
      if (rest) this.wait(conversation, rest);
      return;
    }
    const n = frame.entries?.length ?? 0;
    if (lane.dropped || lane.entries + n > queueMax) {
      lane.dropped = true;
      return;
    }
    lane.entries += n;
    lane.queue.push(frame);
  }

  /** Has the following wait until what is missing is there. */
  private wait(conversation: string, first: () => Promise<void>): void {
    const lane: Lane = { queue: [], entries: 0, dropped: false };
    this.lanes.set(conversation, lane);
    void (async () => {
      await first();
      for (let frame = lane.queue.shift(); frame && !this.signal.aborted; frame = lane.queue.shift()) {
        lane.entries -= frame.entries?.length ?? 0;
        const rest = this.entries(conversation, frame) ?? this.gap(conversation, frame);
        await rest?.();
        if (lane.queue.length === 0 && lane.dropped) {
          lane.dropped = false;
          await this.fetch(conversation, Number.MAX_SAFE_INTEGER);
        }
      }
      this.lanes.delete(conversation);
    })();
  }

  /** The last seq that was passed on; before anything, the one before first. */
  private position(talk: Talk, first: number): number {
    return talk.position ?? Math.max(first, 1) - 1;
  }

  /** Passes on what is new. What has to wait for a fetch comes back as what to do. */
  private entries(conversation: string, frame: ServerFrame): (() => Promise<void>) | undefined {
    const all = frame.entries ?? [];
    const first = all[0];
    if (!first) return undefined;
    const talk = this.events.talk(conversation);
    const after = this.position(talk, first.seq);
    const fresh = first.seq > after ? all : all.filter((entry) => entry.seq > after);
    const next = fresh[0];
    if (!next) {
      this.events.again(talk);
      return undefined;
    }
    if (next.seq === after + 1) {
      this.pass(talk, after, fresh);
      return undefined;
    }
    return async () => {
      await this.fetch(conversation, next.seq - 1, after);
      if (!this.signal.aborted) this.entries(conversation, frame);
    };
  }

  private gap(conversation: string, { from = 0, to = 0 }: ServerFrame): (() => Promise<void>) | undefined {
    if (to === 0) return undefined;
    const talk = this.events.talk(conversation);
    const after = this.position(talk, from);
    if (to <= after) {
      this.events.again(talk);
      return undefined;
    }
    if (to - after > fetchMax) {
      this.events.run(talk, { conversation, after, entries: [], position: to, skipped: true });
      return undefined;
    }
    return () => this.fetch(conversation, to, after);
  }

  private pass(talk: Talk, after: number, entries: readonly Entry[], position = (entries.at(-1) as Entry).seq): void {
    this.events.run(talk, { conversation: talk.id, after, entries, position });
  }

  /** Passes on the history up to a seq. What it does not show is not for this user. */
  private async fetch(conversation: string, to: number, from?: number): Promise<void> {
    const talk = this.events.talk(conversation);
    const backoff = new Backoff(hurryMs, patienceMs, this.random);
    let after = talk.position ?? from ?? 0;
    while (after < to && !this.signal.aborted) {
      let page: HistoryPage;
      try {
        page = await this.events.history(conversation, { after, limit: pageSize });
        backoff.reset();
      } catch (error) {
        if (error instanceof RefusedError && (error.code === 'not_member' || error.code === 'not_found')) break;
        if (!(error instanceof OfflineError)) this.events.problem(error as ChatError);
        await pause(Math.max(backoff.next(), (error as RefusedError).retryAfterMs ?? 0), this.signal);
        continue;
      }
      if (this.signal.aborted) return;
      const entries = page.entries.filter((entry) => entry.seq > after && entry.seq <= to);
      const last = entries.at(-1);
      if (last) {
        this.pass(talk, after, entries);
        after = last.seq;
      }
      if (!last || !page.more || entries.length < page.entries.length) break;
    }
    if (!this.signal.aborted && after < to && to < Number.MAX_SAFE_INTEGER) this.pass(talk, after, [], to);
  }
}

import { pause } from './backoff.js';
import { ChatError } from './errors.js';
import type { Outbox, Item as Queued } from './outbox.js';
import { Source } from './source.js';
import type { Run, Talk } from './talk.js';
import type { ConversationSnapshot, Item, Message, Outgoing } from './types.js';
import { keyOf, messageOf, noticeOf, overlaid, pendingOf } from './view.js';
import { type Row, Window } from './window.js';
import type { Change, ClientFrame, Entry, HistoryPage, HistoryRange } from './wire.js';

const pageSize = 50;
const firstPage = 100;
const mendTries = 6;
const mendPauseMs = 500;
const typingEveryMs = 3_000;
const typingStopsMs = 5_000;

/** What an open conversation asks of its client. */
export interface Host {
  readonly outbox: Outbox;
  user(): string;
  summaryOf(talk: Talk): ConversationSnapshot['summary'];
  typing(conversation: string): readonly string[];
  history(conversation: string, range: HistoryRange): Promise<HistoryPage>;
  /** Entries that are kept here, the newest below a seq. */
  kept(conversation: string, below: number, limit: number): Promise<Entry[]>;
  /** What was applied so far is kept from here on. */
  flushed(): Promise<void>;
  /** Entries of a conversation of which none had come: they are kept from now on. */
  adopt(conversation: string, entries: readonly Entry[]): void;
  enqueue(conversation: string, change: Change): Outgoing;
  retry(id: string): boolean;
  discard(id: string): Promise<boolean>;
  read(conversation: string, seq: number, count: number | undefined): void;
  say(frame: ClientFrame): void;
}

interface Overlay {
  readonly entry: Row['entry'];
  readonly mark: string;
  readonly message: Message;
}

/** The window of an open conversation, and what is shown of it. Those who opened it share it. */
export class OpenConversation {
  readonly source: Source<ConversationSnapshot>;
  private readonly window: Window;
  private readonly overlays = new WeakMap<Row, Overlay>();
  private readonly pendings = new WeakMap<Queued, { readonly mark: string; readonly message: Message }>();
  private loading: Promise<void> | undefined;
  /** What comes while the window is being filled. */
  private backlog: Run[] | undefined = [];
  private error: ChatError | undefined;
  private mending = false;
  private typedAt = 0;
  private stopTyping: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly talk: Talk,
    private readonly host: Host,
    size: number,
  ) {
    this.window = new Window(size);
    this.source = new Source((previous) => this.snapshot(previous));
    void this.fill(() => this.newest());
  }

  get id(): string {
    return this.talk.id;
  }

  apply(run: Run): void {
    if (this.backlog) {
      this.backlog.push(run);
      return;
    }
    if (!this.window.apply(run)) void this.fill(() => this.newest());
    this.mend();
    this.source.change();
  }

  /** The network is back: what failed for want of it is done now. */
  reconnected(): void {
    if (this.error && this.window.top === 0) void this.fill(() => this.newest());
    this.mend();
  }

  close(): void {
    this.closed = true;
    this.setTyping(false);
  }

  send(body: string): Outgoing {
    this.setTyping(false);
    return this.host.enqueue(this.id, { type: 'send', body });
  }

  change(change: Change): Outgoing {
    return this.host.enqueue(this.id, change);
  }

  retry(key: string): boolean {
    const items = this.failedOf(key);
    for (const item of items) this.host.retry(item.id);
    return items.length > 0;
  }

  async discard(key: string): Promise<boolean> {
    const { waiting } = this.host.outbox.shown(this.id);
    const items = [...this.failedOf(key), ...waiting.filter((item) => `c:${item.id}` === key)];
    const done = await Promise.all(items.map((item) => this.host.discard(item.id)));
    return done.includes(true);
  }

  /** What failed of a message: itself, or an edit of it. */
  private failedOf(key: string): Queued[] {
    return this.host.outbox.shown(this.id).failed.filter((item) => {
      if (`c:${item.id}` === key) return true;
      const entry = 'target' in item.change ? this.window.get(item.change.target)?.entry : undefined;
      return entry !== undefined && keyOf(entry.seq, entry.sender === this.host.user(), entry.client_msg_id) === key;
    });
  }

  markRead(seq: number): void {
    const { rows } = this.window;
    let at = rows.length;
    while (at > 0 && (rows[at - 1] as Row).entry.seq > seq) at--;
    this.host.read(this.id, seq, rows[at - 1]?.entry.count);
  }

  setTyping(active: boolean): void {
    clearTimeout(this.stopTyping);
    const said = this.typedAt > 0;
    if (active) {
      this.stopTyping = setTimeout(() => this.setTyping(false), typingStopsMs);
      if (said && Date.now() - this.typedAt < typingEveryMs) return;
      this.typedAt = Date.now();
    } else {
      if (!said) return;
      this.typedAt = 0;
    }
    this.host.say({ type: 'typing', conversation: this.id, active });
  }

  loadLatest(): Promise<void> {
    return this.fill(() => this.newest());
  }

  loadAround(seq: number): Promise<void> {
    return this.fill(async () => {
      const { position = 0 } = this.talk;
      const [before, after] = await Promise.all([
        this.host.history(this.id, { before: seq + 1, limit: pageSize }),
        this.host.history(this.id, { after: seq, limit: pageSize }),
      ]);
      const entries = [...before.entries, ...after.entries];
      const top = Math.max(seq, entries.at(-1)?.seq ?? 0);
      const low = before.more ? (before.entries[0]?.seq ?? seq) : 1;
      const end = after.more ? top : Math.max(top, position);
      this.window.reset(entries, low, end, before.more, !after.more);
    });
  }

  loadOlder(): Promise<void> {
    if (!this.window.older) return Promise.resolve();
    return this.page(async () => {
      const { low, trimmed } = this.window;
      if (!trimmed && this.talk.position !== undefined && this.talk.low < low) {
        const kept = (await this.host.kept(this.id, low, pageSize)).filter((entry) => entry.seq >= this.talk.low);
        const first = kept[0];
        if (first) {
          if (this.window.low === low) this.window.prepend(kept, first.seq, first.seq > 1);
          return;
        }
      }
      const { entries, more } = await this.host.history(this.id, { before: low, limit: pageSize });
      if (this.window.low === low) this.window.prepend(entries, entries[0]?.seq ?? low, more);
    });
  }

  loadNewer(): Promise<void> {
    if (this.window.attached) return Promise.resolve();
    return this.page(async () => {
      do {
        const { position = 0 } = this.talk;
        const { top } = this.window;
        const { entries, more } = await this.host.history(this.id, { after: top, limit: pageSize });
        if (this.window.top !== top || this.window.attached) return;
        this.window.append(entries, entries.at(-1)?.seq ?? top);
        if (more) return;
        this.window.top = Math.max(this.window.top, position);
        // What came meanwhile is not in the window: it is fetched, too.
      } while ((this.talk.position ?? 0) > this.window.top);
      this.window.attached = true;
    });
  }

  /** The newest: what is kept here, else what the history has. */
  private async newest(): Promise<void> {
    await this.host.flushed();
    const position = this.talk.position;
    if (position !== undefined) {
      const kept = (await this.host.kept(this.id, position + 1, firstPage)).filter(
        (entry) => entry.seq >= this.talk.low,
      );
      const low = kept[0]?.seq;
      if (low !== undefined) {
        this.window.reset(kept, low, position, low > 1, true);
        return;
      }
    }
    const { entries, more } = await this.host.history(this.id, { limit: pageSize });
    // What comes while the page is on its way waits in the backlog: the page reaches as far as what was known before.
    const top = Math.max(entries.at(-1)?.seq ?? 0, position ?? 0);
    if (this.talk.position === undefined) this.host.adopt(this.id, entries);
    this.window.reset(entries, entries[0]?.seq ?? top + 1, top, more, true);
  }

  /** Fills the window anew. */
  private fill(how: () => Promise<void>): Promise<void> {
    this.backlog ??= [];
    const filled = async () => {
      await this.work(how);
      const backlog = this.backlog ?? [];
      this.backlog = undefined;
      for (const run of backlog) this.apply(run);
    };
    const before = this.loading;
    const loading = (before ? before.then(filled) : filled()).finally(() => {
      if (this.loading === loading) this.loading = undefined;
      this.source.change();
    });
    this.loading = loading;
    this.source.change();
    return loading;
  }

  /** Adds a page, unless something is being loaded already. */
  private page(how: () => Promise<void>): Promise<void> {
    if (this.loading) return this.loading;
    this.loading = this.work(how).finally(() => {
      this.loading = undefined;
      this.source.change();
    });
    this.source.change();
    return this.loading;
  }

  private async work(how: () => Promise<void>): Promise<void> {
    try {
      await how();
      this.error = undefined;
      this.mend();
    } catch (error) {
      this.error =
        error instanceof ChatError ? error : new ChatError('the conversation cannot be loaded', { cause: error });
    }
  }

  /** Fetches the messages whose whole body is not here. The server folds what it stores a moment later than it tells: it is asked again. */
  private mend(): void {
    if (this.mending || this.window.incomplete.size === 0) return;
    this.mending = true;
    void (async () => {
      for (let tries = 1; tries <= mendTries && this.window.incomplete.size > 0 && !this.closed; tries++) {
        if (tries > 1) await pause(mendPauseMs * 2 ** (tries - 2));
        for (const seq of [...this.window.incomplete.keys()]) {
          const page = await this.host.history(this.id, { after: seq - 1, limit: 1 }).catch(() => undefined);
          const copy = page?.entries[0];
          if (copy?.seq === seq) this.window.replace(copy, tries === mendTries);
        }
        this.source.change();
      }
      this.mending = false;
    })();
  }

  private snapshot(previous: ConversationSnapshot | undefined): ConversationSnapshot {
    const { attached, older } = this.window;
    const receipts = previous?.receipts;
    const next: ConversationSnapshot = {
      id: this.id,
      summary: this.host.summaryOf(this.talk),
      items: this.items(),
      older,
      newer: !attached && this.window.top > 0,
      loading: this.loading !== undefined,
      receipts: receipts && same(receipts, this.talk.receipts) ? receipts : new Map(this.talk.receipts),
      typing: this.host.typing(this.id),
      ...(this.error ? { error: this.error } : {}),
    };
    return next;
  }

  private items(): Item[] {
    const { acked, waiting, failed } = this.host.outbox.shown(this.id);
    const changes = new Map<number, Queued[]>();
    for (const item of [...acked, ...waiting, ...failed]) {
      if (!('target' in item.change) || item.landed) continue;
      const list = changes.get(item.change.target);
      if (list) list.push(item);
      else changes.set(item.change.target, [item]);
    }
    const items = this.window.rows.map((row) =>
      this.show(row, changes.size > 0 ? changes.get(row.entry.seq) : undefined),
    );
    if (!this.window.attached && this.window.top > 0) return items;
    for (const item of [...acked, ...waiting, ...failed]) {
      if (item.change.type === 'send' && !item.landed) items.push(this.pending(item));
    }
    return items;
  }

  private show(row: Row, changes: readonly Queued[] | undefined): Item {
    const { entry } = row;
    const self = this.host.user();
    if (changes) {
      const mark = changes.map((item) => `${item.id}${item.error ? '!' : ''}`).join();
      const old = this.overlays.get(row);
      if (old?.entry === entry && old.mark === mark) return old.message;
      const going = changes.filter((item) => !item.error);
      const error = changes.find((item) => item.error)?.error;
      const message = messageOf(this.id, self, overlaid(self, entry, going), going.length > 0, error);
      this.overlays.set(row, { entry, mark, message });
      return message;
    }
    row.shown ??= entry.kind === 'message' ? messageOf(this.id, self, entry) : noticeOf(this.id, entry);
    return row.shown as Item;
  }

  private pending(item: Queued): Message {
    const mark = `${item.ack?.seq ?? ''}${item.error ? '!' : ''}`;
    const old = this.pendings.get(item);
    if (old?.mark === mark) return old.message;
    const message = pendingOf(this.host.user(), item);
    this.pendings.set(item, { mark, message });
    return message;
  }
}

function same<K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of b) if (a.get(key) !== value) return false;
  return true;
}

import { targetOf } from './fold.js';
import type { StoredConversation } from './storage.js';
import type { Receipt, Summary } from './types.js';
import type { ConversationDetails, Entry, InboxItem, Kind, Preferences } from './wire.js';

const previewLength = 200;

/** Entries that come after one seq, and how far they take a conversation; what lies between is not this user's to see. */
export interface Run {
  readonly conversation: string;
  readonly after: number;
  readonly entries: readonly Entry[];
  readonly position: number;
  /** More was missed than is fetched by itself: it is left to the history. */
  readonly skipped?: boolean;
  /** It was asked for: nothing of it is news. */
  readonly quiet?: boolean;
}

/** What may be learnt of a conversation beside its log. */
export interface Patch {
  readonly id: string;
  readonly item?: InboxItem;
  readonly details?: Pick<ConversationDetails, 'kind' | 'title' | 'peer' | 'left'>;
  readonly preferences?: Preferences;
}

/** What a tab knows of a conversation, beside the window of an open one. It changes by O(1) with each entry. */
export class Talk {
  position: number | undefined;
  low = 0;
  read = 0;
  delivered = 0;
  markedAtMs = 0;
  lastAtMs = 0;
  /** It came by a page of the inbox or has entries: it is shown there. */
  listed = false;
  kind: Kind | undefined;
  readonly receipts = new Map<string, Receipt>();
  private title = '';
  private peer: string | undefined;
  private left = false;
  private count = 0;
  private base: number | undefined;
  /** What the server said of unread messages at a head. */
  private hint: { readonly head: number; readonly unread: number } | undefined;
  private ahead = 0;
  private lastSender = '';
  private lastPreview = '';
  private lastSeq = 0;
  private mutedUntilMs = 0;
  archived = false;
  pinned = false;
  private cached: Summary | undefined;

  constructor(
    readonly id: string,
    private readonly self: () => string,
  ) {}

  restore(row: StoredConversation): void {
    this.position = row.position;
    this.low = row.low;
    this.count = row.count;
    this.base = row.base;
    if (row.head !== undefined) this.hint = { head: row.head, unread: row.unread ?? 0 };
    this.read = Math.max(this.read, row.read);
    this.delivered = Math.max(this.delivered, row.delivered);
    this.markedAtMs = row.markedAtMs;
    this.lastAtMs = row.lastAtMs;
    this.lastSender = row.lastSender ?? '';
    this.lastPreview = row.lastPreview ?? '';
    this.lastSeq = row.lastSeq ?? 0;
    this.mutedUntilMs = row.mutedUntilMs ?? 0;
    this.archived = row.archived ?? false;
    this.pinned = row.pinned ?? false;
    this.kind = row.kind;
    this.title = row.title ?? '';
    this.peer = row.peer;
    this.left = row.left ?? false;
    this.listed = true;
    for (const [user, receipt] of row.receipts ?? []) this.receipt(user, receipt.delivered, receipt.read);
    this.cached = undefined;
  }

  row(): StoredConversation {
    const { id, position, low, count, base, read, delivered, markedAtMs, lastAtMs, lastSender, lastPreview, lastSeq } =
      this;
    const { mutedUntilMs, archived, pinned, kind, title, peer, left } = this;
    return {
      ...{
        id,
        low,
        count,
        read,
        delivered,
        markedAtMs,
        lastAtMs,
        lastSender,
        lastPreview,
        lastSeq,
        mutedUntilMs,
        archived,
        pinned,
      },
      ...{ title, left, receipts: [...this.receipts] },
      ...this.hint,
      ...(position === undefined ? {} : { position }),
      ...(base === undefined ? {} : { base }),
      ...(kind === undefined ? {} : { kind }),
      ...(peer === undefined ? {} : { peer }),
    };
  }

  /** The last seq that is known of it, undefined when none is. */
  get known(): number | undefined {
    const known = Math.max(this.position ?? 0, this.hint?.head ?? 0, this.ahead);
    return known > 0 ? known : undefined;
  }

  /** A position is known from elsewhere, such as an answer: what is composed from now on was composed after it. */
  heard(head: number): void {
    this.ahead = Math.max(this.ahead, head);
    this.cached = undefined;
  }

  /** A run begins: from where on entries are kept without a hole. */
  follow(run: Run): void {
    if (run.skipped) this.low = run.position + 1;
    else if (this.low === 0) this.low = run.entries[0]?.seq ?? run.position + 1;
  }

  apply(entry: Entry): void {
    const counts = entry.kind === 'message' ? 1 : 0;
    // Before the first there is nothing unread, as far as is known.
    this.base ??= entry.count - counts;
    this.position = entry.seq;
    this.count = entry.count;
    if (entry.kind === 'message') {
      this.lastSeq = entry.seq;
      this.lastSender = entry.sender;
      this.lastAtMs = Math.max(this.lastAtMs, entry.at_ms);
      this.lastPreview = (entry.body ?? '').slice(0, previewLength);
      if (entry.sender === this.self()) this.base = entry.count;
    } else if (targetOf(entry) === this.lastSeq && this.lastSeq > 0) {
      if (entry.kind === 'edited' && !entry.redacted) this.lastPreview = (entry.body ?? '').slice(0, previewLength);
      if (entry.kind === 'deleted' || entry.verdict?.action === 'hide' || entry.verdict?.action === 'mask')
        this.lastPreview = '';
    }
    if (entry.kind === 'renamed') this.title = entry.title ?? '';
    if (entry.kind === 'members_removed' && entry.users?.includes(this.self())) this.left = true;
    if (entry.kind === 'members_added') {
      this.lastAtMs ||= entry.at_ms;
      if (entry.members?.some((m) => m.user === this.self())) this.left = false;
    }
    if (this.hint?.head === entry.seq) this.base = entry.count - this.hint.unread;
    if (entry.seq <= this.read) this.base = Math.max(this.base, entry.count);
    this.listed = true;
    this.cached = undefined;
  }

  patch({ item, details, preferences }: Patch): void {
    if (item) {
      this.listed = true;
      this.raiseRead(item.read);
      const agrees = item.read >= this.read;
      if (item.head > (this.position ?? 0)) {
        this.hint = { head: item.head, unread: agrees ? item.unread : 0 };
        this.lastSender = item.last_sender ?? '';
        this.lastPreview = item.last_preview ?? '';
        this.lastAtMs = item.last_at_ms;
      } else if (item.head === this.position && agrees) {
        this.base = this.count - item.unread;
      }
      this.lastAtMs ||= item.last_at_ms;
    }
    const said = details ?? item;
    if (said) {
      this.kind = said.kind;
      this.peer = said.peer;
      if (said.title !== undefined) this.title = said.title;
    }
    if (details) this.left = details.left !== undefined;
    const wanted = preferences ?? (item && { muted_until_ms: 0, archived: false, pinned: false, ...item });
    if (wanted) {
      this.mutedUntilMs = wanted.muted_until_ms ?? this.mutedUntilMs;
      this.archived = wanted.archived ?? this.archived;
      this.pinned = wanted.pinned ?? this.pinned;
    }
    this.cached = undefined;
  }

  /** The user has read up to a seq; count is how many messages there were up to it, undefined when it must be looked up. */
  raiseRead(seq: number, count?: number): boolean {
    const rose = seq > this.read;
    if (rose) {
      this.read = seq;
      this.markedAtMs = Date.now();
    }
    if (this.position !== undefined && seq >= this.position) this.base = this.count;
    else if (count !== undefined) this.base = Math.max(this.base ?? 0, count);
    if (this.hint && seq >= this.hint.head) this.hint = { head: this.hint.head, unread: 0 };
    this.cached = undefined;
    return rose;
  }

  receipt(user: string, delivered = 0, read = 0): void {
    const old = this.receipts.get(user) ?? { delivered: 0, read: 0 };
    const next = { delivered: Math.max(old.delivered, delivered, read), read: Math.max(old.read, read) };
    if (next.delivered > old.delivered || next.read > old.read) this.receipts.set(user, next);
  }

  private get unread(): number {
    if (this.hint && this.hint.head > (this.position ?? 0)) return this.hint.unread;
    return Math.max(0, this.count - (this.base ?? this.count));
  }

  summary(pending: number, failed: number): Summary {
    const c = this.cached;
    if (c && c.pending === pending && c.failed === failed) return c;
    this.cached = {
      id: this.id,
      title: this.title,
      left: this.left,
      unread: this.unread,
      read: this.read,
      head: this.known ?? 0,
      lastAtMs: this.lastAtMs,
      lastSender: this.lastSender,
      lastPreview: this.lastPreview,
      mutedUntilMs: this.mutedUntilMs,
      archived: this.archived,
      pinned: this.pinned,
      pending,
      failed,
      ...(this.kind ? { kind: this.kind } : {}),
      ...(this.peer ? { peer: this.peer } : {}),
    };
    return this.cached;
  }
}

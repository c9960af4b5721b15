import { ChatError } from './errors.js';
import { Source } from './source.js';
import type { Talk } from './talk.js';
import type { Inbox, InboxSnapshot, Summary } from './types.js';
import type { InboxPage } from './wire.js';

const pageSize = 50;

export interface InboxHost {
  talks(): Iterable<Talk>;
  summaryOf(talk: Talk): Summary;
  page(cursor: string | undefined, limit: number, archived: boolean): Promise<InboxPage>;
  /** What a page says of its conversations. */
  learn(page: InboxPage): void;
}

/** The conversations that are known, and the pages of the server's inbox that were read. */
export class InboxView implements Inbox {
  private readonly source = new Source<InboxSnapshot>((previous) => this.snapshot(previous));
  private loaded = false;
  private next: string | undefined;
  private archive: string | undefined | null = null;
  /** Older pages were read: a new first page does not change where they go on. */
  private deep = false;
  private loading: Promise<void> | undefined;
  private error: ChatError | undefined;

  constructor(private readonly host: InboxHost) {}

  readonly getSnapshot = (): InboxSnapshot => this.source.getSnapshot();
  readonly subscribe = (listener: () => void): (() => void) => this.source.subscribe(listener);

  change(): void {
    this.source.change();
  }

  refresh(): Promise<void> {
    return this.read(async () => {
      const page = await this.host.page(undefined, pageSize, false);
      if (!this.deep) this.next = page.next;
      this.loaded = true;
      this.host.learn(page);
    });
  }

  loadMore(): Promise<void> {
    if (!this.next) return Promise.resolve();
    return this.read(async () => {
      const page = await this.host.page(this.next, pageSize, false);
      this.deep = true;
      this.next = page.next;
      this.host.learn(page);
    });
  }

  loadArchived(): Promise<void> {
    if (this.archive === undefined) return Promise.resolve();
    return this.read(async () => {
      const page = await this.host.page(this.archive ?? undefined, pageSize, true);
      this.archive = page.next;
      this.host.learn(page);
    });
  }

  private read(how: () => Promise<void>): Promise<void> {
    const before = this.loading ?? Promise.resolve();
    const loading = before
      .then(how)
      .then(
        () => {
          this.error = undefined;
        },
        (error: unknown) => {
          this.error = error instanceof ChatError ? error : new ChatError('the inbox cannot be read', { cause: error });
        },
      )
      .finally(() => {
        if (this.loading === loading) this.loading = undefined;
        this.source.change();
      });
    this.loading = loading;
    this.source.change();
    return loading;
  }

  private snapshot(previous: InboxSnapshot | undefined): InboxSnapshot {
    const conversations: Summary[] = [];
    for (const talk of this.host.talks()) if (talk.listed) conversations.push(this.host.summaryOf(talk));
    conversations.sort(
      (a, b) => Number(b.pinned) - Number(a.pinned) || b.lastAtMs - a.lastAtMs || (a.id < b.id ? -1 : 1),
    );
    const old = previous?.conversations;
    const unchanged = old?.length === conversations.length && conversations.every((c, i) => c === old[i]);
    return {
      conversations: unchanged && old ? old : conversations,
      loaded: this.loaded,
      more: this.next !== undefined,
      loading: this.loading !== undefined,
      ...(this.error ? { error: this.error } : {}),
    };
  }
}

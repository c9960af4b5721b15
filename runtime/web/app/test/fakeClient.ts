import type {
  Appended,
  Arrival,
  Client,
  ConnectionState,
  Conversation,
  ConversationSnapshot,
  InboxSnapshot,
  Item,
  MemberDetails,
  Message,
  Presence,
  Readable,
  Rest,
  Summary,
} from '@chatcluster/client';

/** A store that tests write to. */
export class Store<T> implements Readable<T> {
  private readonly listeners = new Set<() => void>();
  constructor(private value: T) {}
  getSnapshot(): T {
    return this.value;
  }
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  set(value: T): void {
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }
  patch(change: Partial<T>): void {
    this.set({ ...this.value, ...change });
  }
}

export const summary = (change: Partial<Summary> = {}): Summary => ({
  id: 'd-1',
  kind: 'direct',
  title: '',
  ...(change.kind === 'group' ? {} : { peer: 'bob' }),
  left: false,
  unread: 0,
  read: 0,
  head: 0,
  lastAtMs: 0,
  lastSender: '',
  lastPreview: '',
  mutedUntilMs: 0,
  archived: false,
  pinned: false,
  pending: 0,
  failed: 0,
  ...change,
});

export const message = (seq: number, change: Partial<Message> = {}): Message => ({
  kind: 'message',
  key: `m-${seq}`,
  conversation: 'd-1',
  seq,
  state: 'sent',
  sender: 'bob',
  own: change.sender === 'alice',
  atMs: 1_764_000_000_000 + seq * 60_000,
  body: `Message ${seq}`,
  deleted: false,
  reactions: [],
  incomplete: false,
  changing: false,
  ...change,
});

export interface Call {
  name: string;
  args: unknown[];
}

/** A conversation of which tests say what is in it. It notes what was asked of it. */
export class FakeConversation extends Store<ConversationSnapshot> implements Conversation {
  readonly calls: Call[] = [];
  private readonly page: number;

  constructor(
    readonly id: string,
    about: Summary,
    private all: Item[],
    page = 50,
  ) {
    super({
      id,
      summary: about,
      items: all.slice(-page),
      older: all.length > page,
      newer: false,
      loading: false,
      receipts: new Map(),
      typing: [],
    });
    this.page = page;
  }

  private note(name: string, ...args: unknown[]): { id: string; done: Promise<Appended> } {
    this.calls.push({ name, args });
    return { id: `x-${this.calls.length}`, done: Promise.resolve({ seq: 1, at_ms: 1 }) };
  }
  /** Adds what somebody said. */
  arrive(item: Item): void {
    this.all = [...this.all, item];
    this.patch({ items: [...this.getSnapshot().items, item] });
  }
  send(body: string) {
    this.arrive(
      message(this.all.length + 1, {
        key: `own-${this.all.length}`,
        sender: 'alice',
        own: true,
        state: 'pending',
        body,
        atMs: Date.now(),
      }),
    );
    return this.note('send', body);
  }
  edit = (seq: number, body: string) => this.note('edit', seq, body);
  delete = (seq: number) => this.note('delete', seq);
  react = (seq: number, emoji: string, removed?: boolean) => this.note('react', seq, emoji, removed);
  retry = (key: string): boolean => Boolean(this.note('retry', key));
  discard = async (key: string): Promise<boolean> => Boolean(this.note('discard', key));
  markRead = (seq: number): void => void this.note('markRead', seq);
  setTyping = (active: boolean): void => void this.note('setTyping', active);
  async loadOlder(): Promise<void> {
    this.note('loadOlder');
    const have = this.getSnapshot().items.length;
    const items = this.all.slice(-(have + this.page));
    this.patch({ items, older: items.length < this.all.length });
  }
  loadNewer = async (): Promise<void> => void this.note('loadNewer');
  loadLatest = async (): Promise<void> => void this.note('loadLatest');
  loadAround = async (seq: number): Promise<void> => void this.note('loadAround', seq);
  close = (): void => void this.note('close');
}

export class FakeClient implements Client {
  readonly connection = new Store<ConnectionState>({ phase: 'online', role: 'leader', user: 'alice', device: 'web-1' });
  readonly presence = new Store<ReadonlyMap<string, Presence>>(new Map());
  readonly inboxStore = new Store<InboxSnapshot>({ conversations: [], loaded: true, more: false, loading: false });
  readonly inbox = Object.assign(this.inboxStore, {
    refresh: async () => undefined,
    loadMore: async () => undefined,
    loadArchived: async () => undefined,
  });
  readonly user = 'alice';
  readonly device = 'web-1';
  readonly clockOffsetMs = 0;
  readonly maxBodyBytes = 16_384;
  readonly conversations = new Map<string, FakeConversation>();
  members: MemberDetails[] = [];
  /** Answers of REST that are others than usual. */
  readonly answers: Record<string, (...args: unknown[]) => Promise<unknown>> = {};
  readonly calls: Call[] = [];
  private readonly listeners = new Set<(arrival: Arrival) => void>();

  readonly rest = new Proxy({} as Rest, {
    get:
      (_, name: string) =>
      async (...args: unknown[]) => {
        this.calls.push({ name, args });
        const other = this.answers[name];
        if (other) return other(...args);
        if (name === 'members') return { members: this.members };
        if (name === 'createDirect') return { id: 'd-1', kind: 'direct', created: true };
        if (name === 'createGroup') return { id: 'g-1', kind: 'group', created: true };
        if (name === 'receipts') return { receipts: [{ user: 'bob', delivered: true, read: false }] };
        if (name === 'devices') {
          return [
            { id: 'web-1', platform: 'web', registered_at_ms: Date.now(), preferences: {} },
            { id: 'phone-1', platform: 'ios', registered_at_ms: Date.now() - 864e5, preferences: {} },
          ];
        }
        if (name === 'sessions') return [{ device: 'web-1', connected_at_ms: Date.now() }];
        return { seq: 1, at_ms: 1 };
      },
  });

  add(conversation: FakeConversation): FakeConversation {
    this.conversations.set(conversation.id, conversation);
    const all = [...this.conversations.values()].map((c) => c.getSnapshot().summary);
    this.inboxStore.patch({ conversations: all });
    return conversation;
  }
  open(id: string): Conversation {
    const found = this.conversations.get(id);
    if (!found) throw new Error(`There is no conversation ${id}.`);
    return found;
  }
  arrive(conversation: string, item: Message): void {
    this.conversations.get(conversation)?.arrive(item);
    for (const listener of this.listeners) listener({ conversation, message: item });
  }
  onArrival(listener: (arrival: Arrival) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  watch = () => () => undefined;
  start = async (): Promise<void> => undefined;
  stop = async (): Promise<void> => undefined;
  forget = async (): Promise<void> => void this.calls.push({ name: 'forget', args: [] });
  signOut = async (): Promise<void> => void this.calls.push({ name: 'signOut', args: [] });
}

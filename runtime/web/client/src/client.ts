import type { Between } from './between.js';
import { Handle, type Host, OpenConversation } from './conversation.js';
import { Engine, type Hub } from './engine.js';
import { addressesOf, environmentOf } from './environment.js';
import { AccountError, ChatError, OutboxFullError, RefusedError, StoppedError, StorageError } from './errors.js';
import { InboxView } from './inbox.js';
import { IndexedDBStorage } from './indexeddb.js';
import { MemoryStorage } from './memory.js';
import { type Item, itemOf, Outbox, storedOf } from './outbox.js';
import { RestClient } from './rest.js';
import { Typing, Watches } from './signals.js';
import { Source } from './source.js';
import type { Storage } from './storage.js';
import { Tabs } from './tabs.js';
import { type Patch, type Run, Talk } from './talk.js';
import { hearState, refusal, tell, tellState } from './told.js';
import type * as t from './types.js';
import { messageOf } from './view.js';
import type * as wire from './wire.js';
import { Writer } from './writer.js';

const keep = 500;
const keepSlack = 100;
/** Marks that rose within this time are told again after a restart. */
const recentMs = 24 * 3600 * 1000;
const recentMax = 200;
const discardMs = 5_000;

const byteLength = (text: string) => new TextEncoder().encode(text).length;

interface Waiter {
  readonly promise: Promise<wire.Appended>;
  resolve(ack: wire.Appended): void;
  reject(error: ChatError): void;
}

/** Makes a client. Nothing happens before `start`. */
export function createClient(options: t.Options): t.Client {
  return new ChatClient(options);
}

/**
 * One tab's client. Every tab has the same model of what is known, fed by the leader's runs; the tab that leads has an engine
 * besides, and is the only one that writes conversations' rows and entries.
 */
class ChatClient implements t.Client {
  user = '';
  device = '';
  clockOffsetMs = 0;
  maxBodyBytes = 16_384;

  readonly rest: t.Rest;
  readonly inbox: InboxView;
  readonly connection: t.Readable<t.ConnectionState>;
  readonly presence: t.Readable<ReadonlyMap<string, wire.Presence>>;

  private readonly environment: t.Environment;
  private readonly addresses: { socket: string; rest: string };
  private readonly plain: RestClient;
  private readonly name: string;
  private readonly tab: string;
  private readonly outbox: Outbox;
  private readonly talks = new Map<string, Talk>();
  private readonly opened = new Map<string, { readonly shared: OpenConversation; count: number }>();
  private readonly waiters = new Map<string, Waiter>();
  private readonly arrivals = new Set<(arrival: t.Arrival) => void>();
  private readonly typing: Typing;
  private readonly watches = new Watches();
  private readonly state: Source<t.ConnectionState>;
  private readonly calls = new Map<string, (done: boolean) => void>();
  private readonly asking = new Set<string>();
  private readonly host: Host;
  private storage: Storage;
  private writer: Writer;
  private tabs: Tabs<Between>;
  private engine: Engine | undefined;
  private current: t.Connection = { phase: 'stopped' };
  private started: Promise<void> | undefined;
  /** What is being put into the storage's outbox. */
  private readonly keeping = new Set<Promise<void>>();
  /** What other tabs say while the storage is read. */
  private early: Between[] | undefined;

  constructor(private readonly options: t.Options) {
    this.environment = environmentOf(options.environment);
    const { indexedDB, uuid, random } = this.environment;
    this.addresses = addressesOf(options.url);
    this.name = `chatcluster/${this.addresses.rest}/${options.account}`;
    this.tab = uuid();
    this.storage = options.storage ?? (indexedDB ? new IndexedDBStorage(indexedDB) : new MemoryStorage());
    this.writer = new Writer(this.storage, this.problem);
    this.outbox = new Outbox(random);
    this.plain = new RestClient(this.addresses.rest, () => this.device, options, this.environment);
    this.rest = this.learning(this.plain);
    this.typing = new Typing((id) => this.opened.get(id)?.shared.source.change());
    this.state = new Source(() => ({ ...this.current, role: this.tabs.leader ? 'leader' : 'follower' }));
    this.connection = this.state;
    this.presence = this.watches.source;
    this.inbox = new InboxView({
      talks: () => this.talks.values(),
      summaryOf: (talk) => this.summaryOf(talk),
      page: (cursor, limit, archived) => this.plain.inbox({ limit, archived, ...(cursor ? { cursor } : {}) }),
      learn: (page) => this.learn(page.items.map((item) => ({ id: item.conversation, item }))),
    });
    this.tabs = this.makeTabs();
    this.host = this.makeHost();
    globalThis.addEventListener?.('online', () => this.kick());
  }

  private readonly problem = (error: ChatError) => this.options.onProblem?.(error);

  private makeTabs(): Tabs<Between> {
    return new Tabs(this.environment, (this.options.shareTabs ?? true) && this.storage.shared, {
      lead: () => void this.lead(),
      message: (message) => (this.early ? this.early.push(message) : this.hear(message)),
    });
  }

  // — Beginning and ending —

  start(): Promise<void> {
    if (!this.started) {
      this.started = this.begin();
    } else if (this.current.phase === 'ended') {
      if (this.engine) this.engine.start();
      else this.tabs.post({ t: 'start' });
    }
    return this.started;
  }

  private async begin(): Promise<void> {
    this.early = [];
    try {
      await this.storage.open(this.name);
    } catch (error) {
      this.problem(error as ChatError);
      this.storage = new MemoryStorage();
      this.writer = new Writer(this.storage, this.problem);
      this.tabs = this.makeTabs();
      await this.storage.open(this.name);
    }
    this.tabs.listen(this.name);
    await this.recall();
    const early = this.early;
    this.early = undefined;
    for (const message of early) this.hear(message);
    this.tabs.campaign(this.name);
    this.tabs.post({ t: 'hello' });
    this.tabs.post({ t: 'watch', tab: this.tab, users: this.watches.mine() });
    void this.inbox.refresh();
  }

  /** Reads what is kept. What this tab knows better stays. */
  private async recall(): Promise<void> {
    try {
      const [user, device, rows, outgoing] = await Promise.all([
        this.storage.meta('user'),
        this.storage.meta('device'),
        this.storage.conversations(),
        this.storage.outgoing(),
      ]);
      this.user ||= user ?? '';
      this.device = this.options.device ?? device ?? '';
      for (const row of rows) {
        const talk = this.talk(row.id);
        if (talk.position === undefined || (row.position ?? 0) > talk.position) {
          talk.restore(row);
          void this.opened.get(row.id)?.shared.loadLatest();
        }
      }
      for (const stored of outgoing) {
        const item = this.outbox.get(stored.id);
        if (item) item.order = stored.order;
        else this.outbox.add(itemOf(stored));
      }
    } catch (error) {
      this.problem(error instanceof ChatError ? error : new StorageError('the storage failed', { cause: error }));
    }
    this.changed();
  }

  /** This tab has the connection from now on. */
  private async lead(): Promise<void> {
    await this.recall();
    if (!this.device) {
      this.device = `web-${this.environment.uuid()}`;
      await this.storage.setMeta('device', this.device).catch(this.problem);
    }
    if (!this.tabs.leader) return;
    this.outbox.sort();
    const { options, environment, device } = this;
    const engine = new Engine(this.makeHub(), { url: this.addresses.socket, device, options, environment });
    this.engine = engine;
    const recent = [...this.talks.values()].filter((talk) => talk.markedAtMs > Date.now() - recentMs);
    recent.sort((a, b) => b.markedAtMs - a.markedAtMs);
    for (const talk of recent.slice(0, recentMax)) engine.mark(talk.id, talk.delivered, talk.read);
    // Each says again whom it watches.
    this.tabs.post({ t: 'hello' });
    engine.start();
  }

  async stop(): Promise<void> {
    if (!this.started) return;
    await this.started;
    await Promise.all(this.keeping);
    await this.writer.flushed();
    this.engine?.stop();
    this.engine = undefined;
    this.started = undefined;
    this.typing.clear();
    this.tabs.post({ t: 'watch', tab: this.tab, users: [] });
    this.tabs.stop();
    this.storage.close();
    for (const waiter of this.waiters.values())
      waiter.reject(new StoppedError('the client was stopped; what is in the outbox stays there'));
    this.waiters.clear();
    this.set({ phase: 'stopped' });
  }

  async signOut(): Promise<void> {
    if (this.device) await this.plain.signOutDevice(this.device);
    this.tabs.post({ t: 'cleared' });
    await this.writer.flushed();
    await this.storage.clear().catch(this.problem);
    await this.stop();
    this.forget();
  }

  private forget(): void {
    this.user = '';
    this.device = '';
    this.talks.clear();
    for (const item of [...this.outbox.all()]) this.outbox.remove(item.id);
    this.changed();
  }

  private kick(): void {
    if (this.engine) this.engine.kick();
    else this.tabs.post({ t: 'kick' });
  }

  // — What is known —

  private talk(id: string): Talk {
    let talk = this.talks.get(id);
    if (!talk) {
      talk = new Talk(id, () => this.user);
      this.talks.set(id, talk);
    }
    return talk;
  }

  private summaryOf(talk: Talk): t.Summary {
    const { waiting, failed } = this.outbox.shown(talk.id);
    return talk.summary(waiting.length, failed.length);
  }

  private changed(id?: string): void {
    this.inbox.change();
    if (id !== undefined) this.opened.get(id)?.shared.source.change();
    else for (const { shared } of this.opened.values()) shared.source.change();
  }

  private set(connection: t.Connection): void {
    const was = this.current.phase;
    this.current = connection;
    this.state.change();
    if (connection.phase === 'online' && was !== 'online')
      for (const { shared } of this.opened.values()) shared.reconnected();
    if (connection.phase !== 'online' && was === 'online') {
      this.typing.clear();
      this.watches.forget();
    }
  }

  private apply(talk: Talk, run: Run): void {
    for (const entry of run.entries) {
      const news = !run.quiet && entry.kind === 'message' && entry.sender !== this.user && entry.seq > talk.read;
      talk.apply(entry);
      if (entry.client_msg_id && entry.sender === this.user) this.outbox.landed(entry.client_msg_id);
      if (entry.kind === 'message') this.typing.set(talk.id, entry.sender, false);
      if (news && this.arrivals.size > 0) this.arrive(talk.id, entry);
    }
    talk.position = Math.max(talk.position ?? 0, run.position);
    talk.listed = true;
    this.outbox.advance(talk.id, talk.position);
    this.opened.get(talk.id)?.shared.apply(run);
    this.changed(talk.id);
  }

  private arrive(conversation: string, entry: wire.Entry): void {
    const message = messageOf(conversation, this.user, entry);
    for (const listener of this.arrivals) listener({ conversation, message });
  }

  /** What was learnt of conversations, here or elsewhere. */
  private learn(patches: readonly Patch[], told = false): void {
    for (const patch of patches) {
      const talk = this.talk(patch.id);
      talk.patch(patch);
      if (this.engine) this.writer.row(talk);
      this.opened.get(patch.id)?.shared.source.change();
    }
    this.inbox.change();
    if (!told && patches.length > 0) this.tabs.post({ t: 'learnt', patches });
  }

  /** REST whose answers this client learns from. */
  private learning(rest: RestClient): t.Rest {
    const learn = (patch: Patch) => this.learn([patch]);
    const created = async (answer: Promise<wire.CreatedConversation>, peer?: string) => {
      const made = await answer;
      const { id, kind, title } = made;
      learn({
        id,
        details: { kind, ...(title === undefined ? {} : { title }), ...(peer === undefined ? {} : { peer }) },
      });
      return made;
    };
    return Object.assign(Object.create(rest) as RestClient, {
      createDirect: (user: string, options?: t.Keyed) => created(rest.createDirect(user, options), user),
      createGroup: (title: string, members: readonly string[], options?: t.Keyed) =>
        created(rest.createGroup(title, members, options)),
      conversation: async (id: string) => {
        const details = await rest.conversation(id);
        learn({ id, details, preferences: details.preferences });
        return details;
      },
      setPreferences: async (id: string, wanted: wire.Preferences) => {
        const preferences = await rest.setPreferences(id, wanted);
        learn({ id, preferences });
        return preferences;
      },
    });
  }

  // — The leader's part —

  private makeHub(): Hub {
    return {
      outbox: this.outbox,
      talk: (id) => this.talk(id),
      history: (id, range) => this.plain.history(id, range),
      user: () => this.user,
      watched: () => this.watches.all(),
      run: (talk, run) => this.run(talk, run),
      settled: (id, ack) => {
        this.settle(id, ack);
        this.writer.add({ settled: [id] });
        this.tabs.post({ t: 'settled', id, ack });
      },
      refused: (id, error) => {
        const item = this.refuse(id, error);
        if (item) this.writer.add(this.outbox.get(id) ? { outgoing: [storedOf(item)] } : { settled: [id] });
        this.tabs.post({ t: 'refused', id, error: tell(error) });
      },
      renewed: (id) => {
        const item = this.outbox.get(id);
        if (item) this.writer.add({ outgoing: [storedOf(item)] });
      },
      signal: (frame) => {
        this.signal(frame);
        this.tabs.post({ t: 'signal', frame });
      },
      welcome: (frame) => this.welcome(frame),
      state: (connection) => {
        this.set(connection);
        this.tellState();
      },
      problem: this.problem,
    };
  }

  private welcome(frame: wire.ServerFrame): void {
    const user = frame.user ?? '';
    if (this.user && this.user !== user) {
      this.engine?.stop();
      this.set({ phase: 'ended', error: new AccountError('what is kept here belongs to another user than the token') });
      this.tellState();
      return;
    }
    this.user = user;
    this.maxBodyBytes = frame.max_body_bytes ?? this.maxBodyBytes;
    this.clockOffsetMs = (frame.server_time_ms ?? Date.now()) - Date.now();
    this.storage.setMeta('user', user).catch(this.problem);
    this.tellState();
    this.changed();
    void this.inbox.refresh();
  }

  private tellState(): void {
    this.tabs.post({
      t: 'state',
      connection: tellState(this.current),
      user: this.user,
      device: this.device,
      clockOffsetMs: this.clockOffsetMs,
      maxBodyBytes: this.maxBodyBytes,
      presence: this.watches.snapshot(),
    });
  }

  /** Applies, keeps, and only then confirms and tells the other tabs. */
  private run(talk: Talk, run: Run): void {
    const { conversation } = run;
    if (talk.low === 0 || run.skipped)
      talk.low = run.skipped ? run.position + 1 : (run.entries[0]?.seq ?? run.position + 1);
    this.apply(talk, run);
    const position = talk.position as number;
    const prune = [];
    if (run.skipped || position - talk.low > keep + keepSlack) {
      talk.low = Math.max(talk.low, position - keep);
      prune.push({ conversation, below: talk.low });
    }
    this.writer.row(talk);
    this.writer.add({ entries: run.entries.map((entry) => ({ conversation, entry })), prune }, () => {
      talk.delivered = Math.max(talk.delivered, run.position);
      talk.markedAtMs = Date.now();
      this.engine?.mark(conversation, talk.delivered, talk.read);
      this.tabs.post({ t: 'run', run });
      this.writer.row(talk);
    });
    if (!talk.kind && !this.asking.has(conversation)) {
      this.asking.add(conversation);
      this.rest
        .conversation(conversation)
        .catch(() => {})
        .finally(() => this.asking.delete(conversation));
    }
  }

  // — What happens in every tab —

  private signal(frame: wire.ServerFrame): void {
    const { conversation = '', user = '' } = frame;
    if (frame.type === 'presence') {
      this.watches.take(frame);
    } else if (frame.type === 'typing') {
      this.typing.set(conversation, user, frame.active ?? false);
    } else {
      const talk = this.talk(conversation);
      talk.receipt(user, frame.delivered, frame.read);
      if (user === this.user && frame.read) void this.readElsewhere(talk, frame.read);
      if (this.engine) this.writer.row(talk);
      this.changed(conversation);
    }
  }

  private async readElsewhere(talk: Talk, seq: number): Promise<void> {
    let count: number | undefined;
    if (seq < (talk.position ?? 0)) {
      const kept = await this.storage.entries(talk.id, seq + 1, 1).catch(() => []);
      if (kept[0]?.seq === seq) count = kept[0].count;
    }
    talk.raiseRead(seq, count);
    this.changed(talk.id);
  }

  private settle(id: string, ack: wire.Appended): void {
    const item = this.outbox.get(id);
    if (!item) return;
    const talk = this.talk(item.conversation);
    this.outbox.settle(id, ack, talk.position ?? 0);
    talk.heard(ack.seq);
    this.waiters.get(id)?.resolve(ack);
    this.waiters.delete(id);
    this.changed(item.conversation);
  }

  /** What a user wrote stays to be sent again; a deletion or a reaction that is refused is no loss. */
  private refuse(id: string, error: RefusedError): Item | undefined {
    const item = this.outbox.fail(id, error);
    if (!item) return undefined;
    if (item.change.type === 'delete' || item.change.type === 'react') this.outbox.remove(id);
    this.waiters.get(id)?.reject(error);
    this.waiters.delete(id);
    this.changed(item.conversation);
    return item;
  }

  private removed(id: string): void {
    const item = this.outbox.remove(id);
    if (!item) return;
    this.waiters.get(id)?.reject(new StoppedError('it was taken back'));
    this.waiters.delete(id);
    this.changed(item.conversation);
  }

  private hear(message: Between): void {
    switch (message.t) {
      case 'hello':
        if (this.engine) this.tellState();
        else this.tabs.post({ t: 'watch', tab: this.tab, users: this.watches.mine() });
        break;
      case 'state':
        this.user = message.user || this.user;
        this.device = message.device || this.device;
        this.clockOffsetMs = message.clockOffsetMs;
        this.maxBodyBytes = message.maxBodyBytes;
        this.set(hearState(message.connection));
        if (message.presence.length > 0) this.watches.take({ type: 'presence', presence: message.presence });
        break;
      case 'run':
        void this.follow(message.run);
        break;
      case 'signal':
        this.signal(message.frame);
        break;
      case 'settled':
        this.settle(message.id, message.ack);
        break;
      case 'refused':
        this.refuse(message.id, refusal(message.error));
        break;
      case 'discarded':
        this.calls.get(message.call)?.(message.done);
        break;
      case 'start':
        this.engine?.start();
        break;
      case 'kick':
        this.engine?.kick();
        break;
      case 'queued':
        this.outbox.add({ ...itemOf(message.item), attempts: 0 });
        this.changed(message.item.conversation);
        this.engine?.nudge();
        break;
      case 'retried':
        this.retried(message.id);
        break;
      case 'removed':
        this.removed(message.id);
        break;
      case 'discard':
        if (this.engine) this.tabs.post({ t: 'discarded', call: message.call, done: this.takeBack(message.id) });
        break;
      case 'read':
        this.mark(message.conversation, message.seq, message.count);
        break;
      case 'learnt':
        this.learn(message.patches, true);
        break;
      case 'watch':
        this.watches.of(message.tab, message.users);
        this.tellWatched();
        break;
      case 'say':
        this.engine?.say(message.frame);
        break;
      case 'cleared':
        void this.stop().then(() => this.forget());
        break;
    }
  }

  /** A follower applies the leader's runs, or reads again what it missed. */
  private async follow(run: Run): Promise<void> {
    if (this.engine) return;
    const talk = this.talk(run.conversation);
    if (talk.position !== undefined && run.position <= talk.position) return;
    if (talk.position === undefined || talk.position === run.after) {
      if (talk.low === 0 || run.skipped) talk.low = run.skipped ? run.position + 1 : (run.entries[0]?.seq ?? 0);
      this.apply(talk, run);
      return;
    }
    const row = await this.storage.conversation(run.conversation).catch(() => undefined);
    if (!row || (row.position ?? 0) <= (talk.position ?? 0)) return;
    talk.restore(row);
    await this.opened.get(run.conversation)?.shared.loadLatest();
    this.changed(run.conversation);
  }

  private mark(conversation: string, seq: number, count: number | undefined): void {
    const talk = this.talk(conversation);
    if (!talk.raiseRead(seq, count)) return;
    this.engine?.mark(conversation, talk.delivered, talk.read);
    if (this.engine) this.writer.row(talk);
    this.changed(conversation);
  }

  private tellWatched(): void {
    this.engine?.say({ type: 'presence', users: this.watches.all() });
  }

  // — What the user does —

  open(id: string): t.Conversation {
    let open = this.opened.get(id);
    if (!open) {
      open = { shared: new OpenConversation(this.talk(id), this.host, this.options.windowSize ?? 1000), count: 0 };
      this.opened.set(id, open);
    }
    const { shared } = open;
    open.count++;
    return new Handle(shared, () => {
      const still = this.opened.get(id);
      if (still?.shared !== shared || --still.count > 0) return;
      this.opened.delete(id);
      shared.close();
    });
  }

  onArrival(listener: (arrival: t.Arrival) => void): () => void {
    const own = (arrival: t.Arrival) => listener(arrival);
    this.arrivals.add(own);
    return () => this.arrivals.delete(own);
  }

  watch(users: readonly string[]): () => void {
    const own = [...users];
    const change = (what: 'add' | 'remove') => {
      if (!this.watches[what](own)) return;
      this.tabs.post({ t: 'watch', tab: this.tab, users: this.watches.mine() });
      this.tellWatched();
    };
    change('add');
    let watching = true;
    return () => {
      if (watching) change('remove');
      watching = false;
    };
  }

  private makeHost(): Host {
    return {
      outbox: this.outbox,
      user: () => this.user,
      summaryOf: (talk) => this.summaryOf(talk),
      typing: (id) => this.typing.in(id),
      history: (id, range) => this.engine?.page(id, range) ?? this.plain.history(id, range),
      kept: (id, below, limit) => this.storage.entries(id, below, limit),
      flushed: async () => {
        await this.started;
        await this.writer.flushed();
      },
      adopt: (conversation, entries) => {
        const talk = this.talk(conversation);
        const first = entries[0];
        const last = entries.at(-1);
        if (!this.engine || !first || !last || talk.position !== undefined) return;
        this.run(talk, { conversation, after: first.seq - 1, entries, position: last.seq, quiet: true });
      },
      enqueue: (conversation, change) => this.enqueue(conversation, change),
      retry: (id) => this.retry(id),
      discard: (id) => this.discard(id),
      read: (conversation, seq, count) => {
        this.mark(conversation, seq, count);
        this.tabs.post({ t: 'read', conversation, seq, ...(count === undefined ? {} : { count }) });
      },
      say: (frame) => {
        if (this.engine) this.engine.say(frame);
        else this.tabs.post({ t: 'say', frame });
      },
    };
  }

  private enqueue(conversation: string, change: wire.Change): t.Outgoing {
    if ('body' in change) {
      if (!change.body) throw new RefusedError('invalid', 'the body is empty');
      if (byteLength(change.body) > this.maxBodyBytes)
        throw new RefusedError('too_large', `the body has more than ${this.maxBodyBytes} bytes`);
    }
    if (this.outbox.count >= (this.options.maxPending ?? 1024))
      throw new OutboxFullError('too many messages have no answer yet');
    const item: Item = {
      id: this.environment.uuid(),
      conversation,
      change,
      atMs: Date.now() + this.clockOffsetMs,
      order: Number.MAX_SAFE_INTEGER,
      afterSeq: this.talk(conversation).known,
      kept: false,
      attempts: 0,
    };
    this.outbox.add(item);
    this.changed(conversation);
    const keeping = this.keepItem(item).finally(() => this.keeping.delete(keeping));
    this.keeping.add(keeping);
    return { id: item.id, done: this.waiter(item.id).promise };
  }

  /** Only what is kept is sent, so that what was written outlives whatever happens. */
  private async keepItem(item: Item): Promise<void> {
    try {
      await this.started;
      const { order: _, ...stored } = storedOf(item);
      item.order = await this.storage.enqueue(stored);
    } catch (error) {
      this.problem(error instanceof ChatError ? error : new StorageError('the storage failed', { cause: error }));
    }
    item.kept = true;
    if (this.outbox.get(item.id) !== item) {
      this.writer.add({ settled: [item.id] });
      return;
    }
    this.tabs.post({ t: 'queued', item: storedOf(item) });
    this.engine?.nudge();
  }

  private waiter(id: string): Waiter {
    let resolve!: Waiter['resolve'];
    let reject!: Waiter['reject'];
    const promise = new Promise<wire.Appended>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    // Who does not wait is not to be told of a rejection that nobody handled.
    promise.catch(() => {});
    const waiter = { promise, resolve, reject };
    this.waiters.set(id, waiter);
    return waiter;
  }

  private retry(id: string): boolean {
    const item = this.outbox.get(id);
    if (!item?.error) return false;
    if (item.error.code === 'key_reused') {
      // The name stands for something else: it needs another.
      this.enqueue(item.conversation, item.change);
      void this.discard(id);
      return true;
    }
    this.retried(id);
    this.writer.add({ outgoing: [storedOf(item)] });
    this.tabs.post({ t: 'retried', id });
    return true;
  }

  private retried(id: string): void {
    const item = this.outbox.retry(id);
    if (!item) return;
    this.changed(item.conversation);
    this.engine?.nudge();
  }

  private discard(id: string): Promise<boolean> {
    if (this.engine || this.outbox.get(id)?.error) return Promise.resolve(this.takeBack(id));
    const call = this.environment.uuid();
    return new Promise((resolve) => {
      const end = (done: boolean) => {
        clearTimeout(timer);
        this.calls.delete(call);
        resolve(done);
      };
      const timer = setTimeout(() => end(false), discardMs);
      this.calls.set(call, end);
      this.tabs.post({ t: 'discard', id, call });
    });
  }

  private takeBack(id: string): boolean {
    const removable = this.outbox.removable(id);
    if (removable === 'no') return false;
    this.removed(id);
    this.writer.add({ settled: [id] });
    this.tabs.post({ t: 'removed', id });
    // The gateway waits for the one that is gone: only a new connection does not.
    if (removable === 'gated') this.engine?.bounce();
    return true;
  }
}

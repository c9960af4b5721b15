import type { Between } from './between.js';
import type { Host } from './conversation.js';
import { Engine } from './engine.js';
import { addressesOf, environmentOf } from './environment.js';
import { ChatError, StorageError } from './errors.js';
import { Follower } from './follower.js';
import type { Ground } from './ground.js';
import { InboxView } from './inbox.js';
import { IndexedDBStorage } from './indexeddb.js';
import { Leader } from './leader.js';
import { learning } from './learning.js';
import { MemoryStorage } from './memory.js';
import { Model } from './model.js';
import { RestClient } from './rest.js';
import { Sender } from './sender.js';
import { Source } from './source.js';
import type { Storage } from './storage.js';
import { Tabs } from './tabs.js';
import type { Patch } from './talk.js';
import type * as t from './types.js';
import type { Presence } from './wire.js';
import { Writer } from './writer.js';

const windowSize = 1000;

/** Makes a client. Nothing happens before `start`. */
export function createClient(options: t.Options): t.Client {
  return new ChatClient(options);
}

/**
 * One tab's client. Every tab has the same model of what is known, fed by the leader's runs; the tab that leads has an engine
 * besides, and is the only one that writes conversations' rows and entries.
 */
class ChatClient implements t.Client, Ground {
  readonly rest: t.Rest;
  readonly inbox: InboxView;
  readonly connection: t.Readable<t.ConnectionState>;
  readonly presence: t.Readable<ReadonlyMap<string, Presence>>;

  readonly environment: t.Environment;
  storage: Storage;
  writer: Writer;
  engine: Engine | undefined;
  started: Promise<void> | undefined;

  private readonly addresses: { socket: string; rest: string };
  private readonly name: string;
  private readonly tab: string;
  private readonly model: Model;
  private readonly plain: RestClient;
  private readonly sender: Sender;
  private readonly leader: Leader;
  private readonly follower: Follower;
  private readonly host: Host;
  private tabs: Tabs<Between>;
  /** What other tabs say while the storage is read. */
  private early: Between[] | undefined;

  constructor(readonly options: t.Options) {
    this.environment = environmentOf(options.environment);
    const { indexedDB, uuid } = this.environment;
    this.addresses = addressesOf(options.url);
    this.name = `chatcluster/${this.addresses.rest}/${options.account}`;
    this.tab = uuid();
    this.storage = options.storage ?? (indexedDB ? new IndexedDBStorage(indexedDB) : new MemoryStorage());
    this.writer = new Writer(this.storage, this.problem);
    this.tabs = this.makeTabs();
    this.model = new Model(this, () => this.inbox.change());
    this.plain = new RestClient(this.addresses.rest, () => this.device, options, this.environment);
    this.rest = learning(this.plain, (patches) => this.learn(patches));
    this.inbox = new InboxView({
      talks: () => this.model.talks.values(),
      summaryOf: (talk) => this.model.summaryOf(talk),
      page: (cursor, limit, archived) => this.plain.inbox({ limit, archived, ...(cursor ? { cursor } : {}) }),
      learn: (page) => this.learn(page.items.map((item) => ({ id: item.conversation, item }))),
    });
    this.sender = new Sender(this, this.model);
    this.leader = new Leader(this, this.model, this.rest, () => void this.inbox.refresh());
    this.follower = new Follower(this, this.model, this.sender, {
      hello: () => (this.engine ? this.leader.tellState() : this.tellWatched()),
      watch: () => this.sayWatched(),
      cleared: () => void this.stop().then(() => this.model.forget()),
    });
    const state = new Source<t.ConnectionState>(() => ({
      ...this.model.state.getSnapshot(),
      role: this.tabs.leader ? 'leader' : 'follower',
    }));
    this.model.state.subscribe(() => state.change());
    this.connection = state;
    this.presence = this.model.watches.source;
    this.host = this.makeHost();
  }

  get user(): string {
    return this.model.user;
  }

  get device(): string {
    return this.model.device;
  }

  get clockOffsetMs(): number {
    return this.model.clockOffsetMs;
  }

  get maxBodyBytes(): number {
    return this.model.maxBodyBytes;
  }

  readonly problem = (error: unknown): void => {
    this.options.onProblem?.(
      error instanceof ChatError ? error : new StorageError('the storage failed', { cause: error }),
    );
  };

  post(message: Between): void {
    this.tabs.post(message);
  }

  private makeTabs(): Tabs<Between> {
    return new Tabs(this.environment, (this.options.shareTabs ?? true) && this.storage.shared, {
      lead: () => void this.lead(),
      message: (message) => (this.early ? this.early.push(message) : this.follower.hear(message)),
    });
  }

  start(): Promise<void> {
    if (!this.started) this.started = this.begin();
    else if (this.model.phase === 'ended') this.tellEngine('start');
    return this.started;
  }

  private async begin(): Promise<void> {
    this.early = [];
    try {
      await this.storage.open(this.name);
    } catch (error) {
      this.problem(error);
      this.storage = new MemoryStorage();
      this.writer = new Writer(this.storage, this.problem);
      this.tabs = this.makeTabs();
      await this.storage.open(this.name);
    }
    this.tabs.listen(this.name);
    await this.recall();
    const early = this.early;
    this.early = undefined;
    for (const message of early) this.follower.hear(message);
    globalThis.addEventListener?.('online', this.kick);
    this.tabs.campaign(this.name);
    this.post({ t: 'hello' });
    this.tellWatched();
    void this.inbox.refresh();
  }

  /** Reads what is kept. */
  private async recall(): Promise<void> {
    try {
      const { storage, model } = this;
      const [user, device] = await Promise.all([storage.meta('user'), storage.meta('device')]);
      model.user ||= user ?? '';
      model.device = this.options.device ?? device ?? '';
      model.recall(await storage.conversations(), await storage.outgoing());
    } catch (error) {
      this.problem(error);
    }
  }

  /** This tab has the connection from now on. */
  private async lead(): Promise<void> {
    await this.recall();
    if (!this.device) {
      this.model.device = `web-${this.environment.uuid()}`;
      await this.storage.setMeta('device', this.device).catch(this.problem);
    }
    if (!this.tabs.leader) return;
    this.model.outbox.sort();
    const { options, environment, device } = this;
    this.engine = new Engine(this.leader, { url: this.addresses.socket, device, options, environment });
    this.leader.remind();
    // Each says again whom it watches.
    this.post({ t: 'hello' });
    this.engine.start();
  }

  async stop(): Promise<void> {
    if (!this.started) return;
    await this.started;
    await this.sender.kept();
    await this.writer.flushed();
    globalThis.removeEventListener?.('online', this.kick);
    this.engine?.stop();
    this.engine = undefined;
    this.started = undefined;
    this.post({ t: 'watch', tab: this.tab, users: [] });
    this.tabs.stop();
    this.storage.close();
    this.model.stopped();
  }

  async signOut(): Promise<void> {
    if (this.device) await this.plain.signOutDevice(this.device);
    await this.forget();
  }

  async forget(): Promise<void> {
    if (!this.started) return;
    await this.started;
    this.post({ t: 'cleared' });
    await this.writer.flushed();
    await this.storage.clear().catch(this.problem);
    await this.stop();
    this.model.forget();
  }

  private readonly kick = () => this.tellEngine('kick');

  private tellEngine(what: 'start' | 'kick'): void {
    if (this.engine) this.engine[what]();
    else this.post({ t: what });
  }

  /** What was learnt in this tab. */
  private learn(patches: readonly Patch[]): void {
    this.model.patch(patches);
    if (patches.length > 0) this.post({ t: 'learnt', patches });
  }

  open(id: string): t.Conversation {
    return this.model.open(id, this.host, this.options.windowSize ?? windowSize);
  }

  onArrival(listener: (arrival: t.Arrival) => void): () => void {
    const own = (arrival: t.Arrival) => listener(arrival);
    this.model.arrivals.add(own);
    return () => this.model.arrivals.delete(own);
  }

  watch(users: readonly string[]): () => void {
    const own = [...users];
    const change = (what: 'add' | 'remove') => {
      if (!this.model.watches[what](own)) return;
      this.tellWatched();
      this.sayWatched();
    };
    change('add');
    let watching = true;
    return () => {
      if (watching) change('remove');
      watching = false;
    };
  }

  private tellWatched(): void {
    this.post({ t: 'watch', tab: this.tab, users: this.model.watches.mine() });
  }

  private sayWatched(): void {
    this.engine?.say({ type: 'presence', users: this.model.watches.all() });
  }

  private makeHost(): Host {
    const { model, sender } = this;
    return {
      outbox: model.outbox,
      user: () => model.user,
      summaryOf: (talk) => model.summaryOf(talk),
      typing: (id) => model.typing.in(id),
      history: (id, range) => this.engine?.page(id, range) ?? this.plain.history(id, range),
      kept: (id, below, limit) => this.storage.entries(id, below, limit),
      flushed: async () => {
        await this.started;
        await this.writer.flushed();
      },
      adopt: (conversation, entries) => {
        const talk = model.talk(conversation);
        const first = entries[0];
        const last = entries.at(-1);
        if (!this.engine || !first || !last || talk.position !== undefined) return;
        this.leader.run(talk, { conversation, after: first.seq - 1, entries, position: last.seq, quiet: true });
      },
      enqueue: (conversation, change) => sender.enqueue(conversation, change),
      retry: (id) => sender.retry(id),
      discard: (id) => sender.discard(id),
      read: (conversation, seq, count) => {
        model.read(conversation, seq, count);
        this.post({ t: 'read', conversation, seq, ...(count === undefined ? {} : { count }) });
      },
      say: (frame) => {
        if (this.engine) this.engine.say(frame);
        else this.post({ t: 'say', frame });
      },
    };
  }
}

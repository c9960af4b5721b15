import type { Host } from './conversation.js';
import { OpenConversation } from './conversation.js';
import { type ChatError, type RefusedError, StoppedError } from './errors.js';
import type { Ground } from './ground.js';
import { Handle } from './handle.js';
import { type Item, itemOf, Outbox } from './outbox.js';
import { Typing, Watches } from './signals.js';
import { Source } from './source.js';
import type { StoredConversation, StoredOutgoing } from './storage.js';
import { type Patch, type Run, Talk } from './talk.js';
import type { Arrival, Connection, Conversation, Summary } from './types.js';
import { messageOf } from './view.js';
import type * as wire from './wire.js';

export interface Waiter {
  readonly promise: Promise<wire.Appended>;
  resolve(ack: wire.Appended): void;
  reject(error: ChatError): void;
}

/** What a tab knows: the same in every tab of the browser. It is changed here, and whoever shows it is told. */
export class Model {
  user = '';
  device = '';
  clockOffsetMs = 0;
  maxBodyBytes = 16_384;
  readonly outbox: Outbox;
  readonly watches = new Watches();
  readonly talks = new Map<string, Talk>();
  readonly state: Source<Connection>;
  readonly arrivals = new Set<(arrival: Arrival) => void>();
  readonly typing = new Typing((id) => this.opened.get(id)?.shared.source.change());
  private readonly opened = new Map<string, { readonly shared: OpenConversation; count: number }>();
  private readonly waiters = new Map<string, Waiter>();
  private connection: Connection = { phase: 'stopped' };

  constructor(
    private readonly ground: Ground,
    /** The inbox shows something else. */
    private readonly listed: () => void,
  ) {
    this.outbox = new Outbox(ground.environment.random);
    this.state = new Source(() => this.connection);
  }

  get phase(): Connection['phase'] {
    return this.connection.phase;
  }

  talk(id: string): Talk {
    let talk = this.talks.get(id);
    if (!talk) {
      talk = new Talk(id, () => this.user);
      this.talks.set(id, talk);
    }
    return talk;
  }

  summaryOf(talk: Talk): Summary {
    const { waiting, failed } = this.outbox.shown(talk.id);
    return talk.summary(waiting.length, failed.length);
  }

  /** Tells who shows a conversation, or any. */
  changed(id?: string): void {
    this.listed();
    if (id !== undefined) this.opened.get(id)?.shared.source.change();
    else for (const { shared } of this.opened.values()) shared.source.change();
  }

  open(id: string, host: Host, size: number): Conversation {
    const open = this.opened.get(id) ?? { shared: new OpenConversation(this.talk(id), host, size), count: 0 };
    this.opened.set(id, open);
    open.count++;
    return new Handle(open.shared, () => {
      if (--open.count > 0) return;
      this.opened.delete(id);
      open.shared.close();
    });
  }

  /** Reads an open conversation's window again. */
  async reload(id: string): Promise<void> {
    await this.opened.get(id)?.shared.loadLatest();
  }

  /** What is kept; what this tab knows better stays. */
  recall(rows: readonly StoredConversation[], outgoing: readonly StoredOutgoing[]): void {
    for (const row of rows) {
      const talk = this.talk(row.id);
      if (talk.position !== undefined && (row.position ?? 0) <= talk.position) continue;
      talk.restore(row);
      void this.reload(row.id);
    }
    for (const stored of outgoing) {
      const item = this.outbox.get(stored.id);
      if (item) item.order = stored.order;
      else this.outbox.add(itemOf(stored));
    }
    this.changed();
  }

  connected(connection: Connection): void {
    const was = this.connection.phase;
    this.connection = connection;
    this.state.change();
    if (connection.phase === 'online' && was !== 'online') {
      for (const { shared } of this.opened.values()) shared.reconnected();
    }
    if (connection.phase !== 'online' && was === 'online') {
      this.typing.clear();
      this.watches.forget();
    }
  }

  apply(talk: Talk, run: Run): void {
    for (const entry of run.entries) {
      const news = !run.quiet && entry.kind === 'message' && entry.sender !== this.user && entry.seq > talk.read;
      talk.apply(entry);
      if (entry.client_msg_id && entry.sender === this.user) this.outbox.landed(entry.client_msg_id);
      if (entry.kind === 'message') this.typing.set(talk.id, entry.sender, false);
      if (news) this.arrive(talk.id, entry);
    }
    talk.position = Math.max(talk.position ?? 0, run.position);
    talk.listed = true;
    this.outbox.advance(talk.id, talk.position);
    this.opened.get(talk.id)?.shared.apply(run);
    this.changed(talk.id);
  }

  private arrive(conversation: string, entry: wire.Entry): void {
    if (this.arrivals.size === 0) return;
    const message = messageOf(conversation, this.user, entry);
    for (const listener of this.arrivals) listener({ conversation, message });
  }

  patch(patches: readonly Patch[]): void {
    for (const patch of patches) {
      const talk = this.talk(patch.id);
      talk.patch(patch);
      if (this.ground.engine) this.ground.writer.row(talk);
      this.opened.get(patch.id)?.shared.source.change();
    }
    this.listed();
  }

  /** What a frame of receipts, typing or presence says. */
  signal(frame: wire.ServerFrame): void {
    const { conversation = '', user = '' } = frame;
    if (frame.type === 'presence') {
      this.watches.take(frame);
    } else if (frame.type === 'typing') {
      this.typing.set(conversation, user, frame.active ?? false);
    } else {
      const talk = this.talk(conversation);
      talk.receipt(user, frame.delivered, frame.read);
      if (user === this.user && frame.read) void this.readElsewhere(talk, frame.read);
      if (this.ground.engine) this.ground.writer.row(talk);
      this.changed(conversation);
    }
  }

  /** Another device of the user's has read so far. */
  private async readElsewhere(talk: Talk, seq: number): Promise<void> {
    let count: number | undefined;
    if (seq < (talk.position ?? 0)) {
      const [kept] = await this.ground.storage.entries(talk.id, seq + 1, 1).catch(() => []);
      if (kept?.seq === seq) count = kept.count;
    }
    talk.raiseRead(seq, count);
    this.changed(talk.id);
  }

  /** The user has read so far, in whatever tab. */
  read(conversation: string, seq: number, count: number | undefined): void {
    const talk = this.talk(conversation);
    if (!talk.raiseRead(seq, count)) return;
    const { engine, writer } = this.ground;
    if (engine) {
      engine.mark(conversation, talk.delivered, talk.read);
      writer.row(talk);
    }
    this.changed(conversation);
  }

  waiter(id: string): Waiter {
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

  private waited(id: string): Waiter | undefined {
    const waiter = this.waiters.get(id);
    this.waiters.delete(id);
    return waiter;
  }

  settled(id: string, ack: wire.Appended): void {
    const item = this.outbox.get(id);
    if (!item) return;
    const talk = this.talk(item.conversation);
    this.outbox.settle(id, ack, talk.position ?? 0);
    talk.heard(ack.seq);
    this.waited(id)?.resolve(ack);
    this.changed(item.conversation);
  }

  /** What a user wrote stays to be sent again; a deletion or a reaction that is refused is no loss. */
  refused(id: string, error: RefusedError): Item | undefined {
    const item = this.outbox.fail(id, error);
    if (!item) return undefined;
    if (item.change.type === 'delete' || item.change.type === 'react') this.outbox.remove(id);
    this.waited(id)?.reject(error);
    this.changed(item.conversation);
    return item;
  }

  retried(id: string): void {
    const item = this.outbox.retry(id);
    if (!item) return;
    this.changed(item.conversation);
    this.ground.engine?.nudge();
  }

  removed(id: string): void {
    const item = this.outbox.remove(id);
    if (!item) return;
    this.waited(id)?.reject(new StoppedError('it was taken back'));
    this.changed(item.conversation);
  }

  /** The client has stopped: nobody is to wait for what goes on later. */
  stopped(): void {
    this.typing.clear();
    for (const id of [...this.waiters.keys()]) {
      this.waited(id)?.reject(new StoppedError('the client was stopped; what is in the outbox stays there'));
    }
    this.connected({ phase: 'stopped' });
  }

  forget(): void {
    this.user = '';
    this.device = '';
    this.talks.clear();
    for (const item of [...this.outbox.all()]) this.outbox.remove(item.id);
    this.changed();
  }
}

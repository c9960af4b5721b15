import type { Hub } from './engine.js';
import { AccountError, type RefusedError } from './errors.js';
import type { Ground } from './ground.js';
import type { Model } from './model.js';
import { type Outbox, storedOf } from './outbox.js';
import type { Run, Talk } from './talk.js';
import { tell, tellState } from './told.js';
import type { Connection, Rest } from './types.js';
import type { Appended, HistoryPage, HistoryRange, ServerFrame } from './wire.js';

/** How many entries of a conversation are kept, and how many more before the oldest go. */
const keep = 500;
const keepSlack = 100;
/** Marks that rose within this time are told again after a restart. */
const recentMs = 24 * 3600 * 1000;
const recentMax = 200;

/** The part of the tab that leads: what the engine finds is applied here, kept, and told to the other tabs. */
export class Leader implements Hub {
  /** Conversations whose details are being asked for. */
  private readonly asking = new Set<string>();

  constructor(
    private readonly ground: Ground,
    private readonly model: Model,
    private readonly rest: Rest,
    private readonly welcomed: () => void,
  ) {}

  get outbox(): Outbox {
    return this.model.outbox;
  }

  /** Tells again what may have been lost with an earlier connection. */
  remind(): void {
    const recent = [...this.model.talks.values()].filter((talk) => talk.markedAtMs > Date.now() - recentMs);
    recent.sort((a, b) => b.markedAtMs - a.markedAtMs);
    for (const talk of recent.slice(0, recentMax)) this.ground.engine?.mark(talk.id, talk.delivered, talk.read);
  }

  talk(conversation: string): Talk {
    return this.model.talk(conversation);
  }

  history(conversation: string, range: HistoryRange): Promise<HistoryPage> {
    return this.rest.history(conversation, range);
  }

  user(): string {
    return this.model.user;
  }

  watched(): readonly string[] {
    return this.model.watches.all();
  }

  /** Applies, keeps, and only then confirms and tells the other tabs. */
  run(talk: Talk, run: Run): void {
    const { conversation } = run;
    talk.follow(run);
    this.model.apply(talk, run);
    const position = talk.position as number;
    const prune = [];
    if (run.skipped || position - talk.low > keep + keepSlack) {
      talk.low = Math.max(talk.low, position - keep);
      prune.push({ conversation, below: talk.low });
    }
    const { writer } = this.ground;
    writer.row(talk);
    writer.add({ entries: run.entries.map((entry) => ({ conversation, entry })), prune }, () => {
      talk.delivered = Math.max(talk.delivered, run.position);
      talk.markedAtMs = Date.now();
      this.ground.engine?.mark(conversation, talk.delivered, talk.read);
      this.ground.post({ t: 'run', run });
      writer.row(talk);
    });
    if (!talk.kind) this.ask(conversation);
  }

  /** Learns what a conversation is of which only entries have come. */
  private ask(conversation: string): void {
    if (this.asking.has(conversation)) return;
    this.asking.add(conversation);
    this.rest
      .conversation(conversation)
      .catch(() => {
        // With the next entry it is asked again.
      })
      .finally(() => this.asking.delete(conversation));
  }

  settled(id: string, ack: Appended): void {
    this.model.settled(id, ack);
    this.ground.writer.add({ settled: [id] });
    this.ground.post({ t: 'settled', id, ack });
  }

  refused(id: string, error: RefusedError): void {
    const item = this.model.refused(id, error);
    if (item) this.ground.writer.add(this.outbox.get(id) ? { outgoing: [storedOf(item)] } : { settled: [id] });
    this.ground.post({ t: 'refused', id, error: tell(error) });
  }

  renewed(id: string): void {
    const item = this.outbox.get(id);
    if (item) this.ground.writer.add({ outgoing: [storedOf(item)] });
  }

  signal(frame: ServerFrame): void {
    this.model.signal(frame);
    this.ground.post({ t: 'signal', frame });
  }

  welcome(frame: ServerFrame): void {
    const { model, ground } = this;
    const user = frame.user ?? '';
    if (model.user && model.user !== user) {
      ground.engine?.halt();
      this.state({
        phase: 'ended',
        error: new AccountError('what is kept here belongs to another user than the token'),
      });
      return;
    }
    model.user = user;
    model.maxBodyBytes = frame.max_body_bytes ?? model.maxBodyBytes;
    model.clockOffsetMs = (frame.server_time_ms ?? Date.now()) - Date.now();
    ground.storage.setMeta('user', user).catch(ground.problem);
    this.tellState();
    model.changed();
    this.welcomed();
  }

  state(connection: Connection): void {
    this.model.connected(connection);
    this.tellState();
  }

  problem(error: unknown): void {
    this.ground.problem(error);
  }

  tellState(): void {
    const { user, device, clockOffsetMs, maxBodyBytes, state, watches } = this.model;
    const presence = watches.snapshot();
    this.ground.post({
      t: 'state',
      connection: tellState(state.getSnapshot()),
      user,
      device,
      clockOffsetMs,
      maxBodyBytes,
      presence,
    });
  }
}

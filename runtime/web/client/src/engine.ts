import { pause } from './backoff.js';
import { type ChatError, isTemporary, OfflineError, RefusedError, TokenError } from './errors.js';
import { Intake } from './intake.js';
import { Link, type LinkOptions, refusalOf } from './link.js';
import { Marks } from './marks.js';
import type { Outbox } from './outbox.js';
import type { Run, Talk } from './talk.js';
import type { Connection } from './types.js';
import type { Appended, ClientFrame, HistoryPage, HistoryRange, ServerFrame } from './wire.js';

const refreshPauseMs = 5_000;
const resolvePauseMs = 1_000;
/** How long an answer is waited for. */
const answerMs = 15_000;
const pageSize = 200;
/** The gateway answers two pages at a time. */
const maxPages = 2;

/** Where the engine's findings go. */
export interface Hub {
  readonly outbox: Outbox;
  talk(conversation: string): Talk;
  /** REST's history, for when the socket has none. */
  history(conversation: string, range: HistoryRange): Promise<HistoryPage>;
  user(): string;
  watched(): readonly string[];
  run(talk: Talk, run: Run): void;
  settled(id: string, ack: Appended): void;
  refused(id: string, error: RefusedError): void;
  /** An outgoing one has another after_seq. */
  renewed(id: string): void;
  /** receipt, typing or presence. */
  signal(frame: ServerFrame): void;
  welcome(frame: ServerFrame): void;
  state(connection: Connection): void;
  problem(error: ChatError): void;
}

interface Asked {
  resolve(frame: ServerFrame): void;
  reject(error: ChatError): void;
}

/** What the tab that leads does: the one connection of the device, and what is told on it. */
export class Engine {
  readonly marks = new Marks();
  private readonly link: Link;
  private readonly abort = new AbortController();
  private readonly intake: Intake;
  private readonly asked = new Map<string, Asked>();
  private refs = 0;
  private pages = 0;
  private nudged = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refreshing = false;
  private offered = false;

  constructor(
    private readonly hub: Hub,
    private readonly o: LinkOptions,
  ) {
    this.intake = new Intake(
      {
        talk: (id) => hub.talk(id),
        history: (id, range) => this.page(id, range),
        run: (talk, run) => hub.run(talk, run),
        again: (talk) => this.mark(talk.id, talk.delivered, 0, true),
        problem: (error) => hub.problem(error),
      },
      o.environment.random,
      this.abort.signal,
    );
    this.link = new Link(o, {
      welcome: (frame) => this.welcome(frame),
      frame: (frame) => this.frame(frame),
      down: () => this.down(),
      state: (connection) => hub.state(connection),
      problem: (error) => hub.problem(error),
    });
  }

  start(): void {
    this.link.start();
  }

  /** Tells what is confirmed and ends the connection. */
  stop(): void {
    this.abort.abort();
    for (const frame of this.marks.take(true).frames) this.link.send(frame);
    clearTimeout(this.timer);
    this.link.stop();
  }

  /** Ends the connection until it is started again. */
  halt(): void {
    this.link.stop();
  }

  kick(): void {
    this.link.kick();
  }

  bounce(): void {
    this.link.bounce();
  }

  mark(conversation: string, delivered: number, read: number, again = false): void {
    this.marks.raise(conversation, delivered, read, again);
    this.nudge();
  }

  /** Says what is of no use later. */
  say(frame: ClientFrame): void {
    this.link.send(frame);
  }

  /** A page of the history: over the socket where there is one and it is free, else over REST. */
  async page(conversation: string, range: HistoryRange): Promise<HistoryPage> {
    if (this.link.up && this.pages < maxPages) {
      this.pages++;
      try {
        const frame = await this.ask({ type: 'history', conversation, ref: this.ref(), ...range });
        return { entries: frame.entries ?? [], more: frame.more ?? false };
      } catch (error) {
        if (!isTemporary(error)) throw error;
      } finally {
        this.pages--;
      }
    }
    return this.hub.history(conversation, range);
  }

  /** Has the pump look at what there is to say. */
  nudge(): void {
    if (this.nudged) return;
    this.nudged = true;
    queueMicrotask(() => {
      this.nudged = false;
      this.pump();
    });
  }

  private pump(): void {
    clearTimeout(this.timer);
    if (!this.link.up) return;
    const marks = this.marks.take();
    const sends = this.hub.outbox.take();
    for (const frame of [...marks.frames, ...sends.frames]) this.link.send(frame);
    const again = Math.min(marks.againMs ?? Number.POSITIVE_INFINITY, sends.againMs ?? Number.POSITIVE_INFINITY);
    if (again < Number.POSITIVE_INFINITY) this.timer = setTimeout(() => this.pump(), again);
  }

  private ref(): string {
    return (++this.refs).toString(36);
  }

  private ask(frame: ClientFrame & { readonly ref: string }): Promise<ServerFrame> {
    return new Promise<ServerFrame>((resolve, reject) => {
      const late = setTimeout(
        () => this.answer(frame.ref)?.reject(new OfflineError('no answer came in time')),
        answerMs,
      );
      this.asked.set(frame.ref, {
        resolve: (answer) => {
          clearTimeout(late);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(late);
          reject(error);
        },
      });
      this.link.send(frame);
    });
  }

  private welcome(frame: ServerFrame): void {
    this.hub.outbox.rewind();
    this.marks.rewind();
    this.hub.welcome(frame);
    const users = this.hub.watched();
    if (users.length > 0) this.say({ type: 'presence', users });
    this.nudge();
  }

  private down(): void {
    for (const { reject } of this.asked.values()) reject(new OfflineError('the connection ended before the answer'));
    this.asked.clear();
  }

  private frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'entries':
      case 'gap':
        this.intake.take(frame);
        break;
      case 'ack':
        this.hub.settled(frame.client_msg_id ?? '', { seq: frame.seq ?? 0, at_ms: frame.at_ms ?? 0 });
        this.nudge();
        break;
      case 'error':
        this.refused(frame);
        break;
      case 'history':
        this.answer(frame.ref)?.resolve(frame);
        break;
      case 'token':
        if (frame.ref) this.answer(frame.ref)?.resolve(frame);
        else void this.refresh();
        break;
      case 'receipt':
      case 'typing':
      case 'presence':
        this.hub.signal(frame);
        break;
    }
  }

  private answer(ref = ''): Asked | undefined {
    const asked = this.asked.get(ref);
    this.asked.delete(ref);
    return asked;
  }

  private refused(frame: ServerFrame): void {
    const error = refusalOf(frame);
    const id = frame.client_msg_id;
    if (frame.ref) this.answer(frame.ref)?.reject(error);
    else if (!id) this.hub.problem(error);
    else if (error.retryable) this.hub.outbox.back(id, error.retryAfterMs);
    else if (error.code === 'retry_too_old') void this.resolve(id);
    else this.hub.refused(id, error);
    this.nudge();
  }

  /** Brings a new token when the gateway offers a refresh. What fails is tried again: without a new one the gateway closes, and the next connect asks anyway. */
  private async refresh(): Promise<void> {
    this.offered = true;
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      while (this.offered && this.link.up && !this.abort.signal.aborted) {
        try {
          this.offered = false;
          const token = await this.o.options
            .token({ fresh: true, signal: this.abort.signal })
            .catch((cause: unknown) => {
              throw new TokenError('the token provider failed', { cause });
            });
          if (!this.link.up) return;
          await this.ask({ type: 'token', token, ref: this.ref() });
          continue;
        } catch (error) {
          if (error instanceof OfflineError) return;
          this.hub.problem(error as ChatError);
          if (!isTemporary(error)) continue;
          this.offered = true;
        }
        await pause(refreshPauseMs * (0.5 + this.o.environment.random()), this.abort.signal);
      }
    } finally {
      this.refreshing = false;
    }
  }

  /** Finds out what became of one that is too old to be told from a new one: it is in the history, or it never was and goes with a fresh after_seq. */
  private async resolve(id: string): Promise<void> {
    const item = this.hub.outbox.pause(id);
    if (!item) return;
    const { conversation } = item;
    while (!this.abort.signal.aborted) {
      try {
        const { head, found } = await this.lookUp(conversation, id, item.afterSeq ?? 0, item.attempts > 1);
        this.hub.outbox.resume(conversation);
        if (found) {
          this.hub.settled(id, found);
        } else {
          item.afterSeq = head;
          this.hub.renewed(id);
        }
        this.nudge();
        return;
      } catch (error) {
        if (!isTemporary(error)) {
          this.hub.outbox.resume(conversation);
          if (error instanceof RefusedError) this.hub.refused(id, error);
          this.nudge();
          return;
        }
      }
      await pause(resolvePauseMs * (0.5 + this.o.environment.random()), this.abort.signal);
    }
  }

  private async lookUp(
    conversation: string,
    id: string,
    from: number,
    search: boolean,
  ): Promise<{ head: number; found?: Appended }> {
    const newest = await this.page(conversation, { limit: 1 });
    const head = newest.entries.at(-1)?.seq ?? 0;
    // One that was sent once has just been refused: it is nowhere.
    for (let after = from; search && after < head; ) {
      const page = await this.page(conversation, { after, limit: pageSize });
      const found = page.entries.find((e) => e.client_msg_id === id && e.sender === this.hub.user());
      if (found) return { head, found: { seq: found.seq, at_ms: found.at_ms } };
      after = page.entries.at(-1)?.seq ?? head;
      if (!page.more) break;
    }
    return { head };
  }
}

import { OutboxFullError, RefusedError } from './errors.js';
import type { Ground } from './ground.js';
import type { Model } from './model.js';
import { type Item, storedOf } from './outbox.js';
import type { Outgoing } from './types.js';
import type { Change } from './wire.js';

const maxPending = 1024;
const discardMs = 5_000;

const byteLength = (text: string) => new TextEncoder().encode(text).length;

/** Puts into the outbox what the user says in this tab, and takes it out again. */
export class Sender {
  /** What is being put into the storage. */
  private readonly keeping = new Set<Promise<void>>();
  /** What the leader was asked to take back. */
  private readonly calls = new Map<string, (done: boolean) => void>();

  constructor(
    private readonly ground: Ground,
    private readonly model: Model,
  ) {}

  enqueue(conversation: string, change: Change): Outgoing {
    const { outbox, maxBodyBytes, clockOffsetMs } = this.model;
    if ('body' in change) {
      if (!change.body) throw new RefusedError('invalid', 'the body is empty');
      if (byteLength(change.body) > maxBodyBytes)
        throw new RefusedError('too_large', `the body has more than ${maxBodyBytes} bytes`);
    }
    if (outbox.count >= (this.ground.options.maxPending ?? maxPending))
      throw new OutboxFullError('too many messages have no answer yet');
    const item: Item = {
      id: this.ground.environment.uuid(),
      conversation,
      change,
      atMs: Date.now() + clockOffsetMs,
      order: Number.MAX_SAFE_INTEGER,
      afterSeq: this.model.talk(conversation).known,
      kept: false,
      attempts: 0,
    };
    outbox.add(item);
    this.model.changed(conversation);
    const keeping = this.keep(item).finally(() => this.keeping.delete(keeping));
    this.keeping.add(keeping);
    return { id: item.id, done: this.model.waiter(item.id).promise };
  }

  /** Only what is kept is sent, so that what was written outlives whatever happens. */
  private async keep(item: Item): Promise<void> {
    const { ground } = this;
    try {
      await ground.started;
      const { order: _, ...stored } = storedOf(item);
      item.order = await ground.storage.enqueue(stored);
    } catch (error) {
      ground.problem(error);
    }
    item.kept = true;
    if (this.model.outbox.get(item.id) !== item) {
      ground.writer.add({ settled: [item.id] });
      return;
    }
    ground.post({ t: 'queued', item: storedOf(item) });
    ground.engine?.nudge();
  }

  /** Resolves when all that was said is kept. */
  async kept(): Promise<void> {
    await Promise.all(this.keeping);
  }

  retry(id: string): boolean {
    const item = this.model.outbox.get(id);
    if (!item?.error) return false;
    if (item.error.code === 'key_reused') {
      // The name stands for something else: it needs another.
      this.enqueue(item.conversation, item.change);
      return this.takeBack(id);
    }
    this.model.retried(id);
    this.ground.writer.add({ outgoing: [storedOf(item)] });
    this.ground.post({ t: 'retried', id });
    return true;
  }

  discard(id: string): Promise<boolean> {
    const { ground } = this;
    if (ground.engine || this.model.outbox.get(id)?.error) return Promise.resolve(this.takeBack(id));
    const call = ground.environment.uuid();
    return new Promise((resolve) => {
      const end = (done: boolean) => {
        clearTimeout(timer);
        this.calls.delete(call);
        resolve(done);
      };
      const timer = setTimeout(() => end(false), discardMs);
      this.calls.set(call, end);
      ground.post({ t: 'discard', id, call });
    });
  }

  /** What the leader says of a call. */
  discarded(call: string, done: boolean): void {
    this.calls.get(call)?.(done);
  }

  takeBack(id: string): boolean {
    const { ground } = this;
    const removable = this.model.outbox.removable(id);
    if (removable === 'no') return false;
    this.model.removed(id);
    ground.writer.add({ settled: [id] });
    ground.post({ t: 'removed', id });
    // The gateway waits for the one that is gone: only a new connection does not.
    if (removable === 'gated') ground.engine?.bounce();
    return true;
  }
}

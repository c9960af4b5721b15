import type { Storage, StorageBatch } from './storage.js';
import type { Talk } from './talk.js';

type Part = {
  -readonly [K in keyof StorageBatch]: StorageBatch[K] extends readonly (infer T)[] | undefined ? T[] : never;
};

/** Writes what has changed, one transaction at a time: what comes meanwhile goes into the next. */
export class Writer {
  private part: Required<Part> = fresh();
  private readonly rows = new Set<Talk>();
  private after: (() => void)[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly problem: (error: unknown) => void,
  ) {}

  /** after is called when it is kept. */
  add(batch: StorageBatch, after?: () => void): void {
    for (const e of batch.entries ?? []) this.part.entries.push(e);
    for (const p of batch.prune ?? []) this.part.prune.push(p);
    for (const o of batch.outgoing ?? []) this.part.outgoing.push(o);
    for (const s of batch.settled ?? []) this.part.settled.push(s);
    if (after) this.after.push(after);
    this.begin();
  }

  /** Writes a conversation's row as it is by then. */
  row(talk: Talk): void {
    this.rows.add(talk);
    this.begin();
  }

  /** Resolves when everything so far is written. */
  async flushed(): Promise<void> {
    while (this.running) await this.running;
  }

  private begin(): void {
    this.running ??= Promise.resolve()
      .then(() => this.write())
      .finally(() => {
        this.running = undefined;
        if (this.after.length > 0 || this.rows.size > 0 || !empty(this.part)) this.begin();
      });
  }

  private async write(): Promise<void> {
    const { part, after } = this;
    this.part = fresh();
    this.after = [];
    const conversations = [...this.rows].map((talk) => talk.row());
    this.rows.clear();
    try {
      await this.storage.write({ ...part, conversations });
    } catch (error) {
      // In memory it goes on: what is confirmed from here on is in the history.
      this.problem(error);
    }
    for (const then of after) then();
  }
}

function fresh(): Required<Part> {
  return { conversations: [], entries: [], prune: [], outgoing: [], settled: [] };
}

function empty(part: Required<Part>): boolean {
  return part.entries.length + part.prune.length + part.outgoing.length + part.settled.length === 0;
}

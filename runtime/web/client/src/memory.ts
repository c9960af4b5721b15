import type { Storage, StorageBatch, StoredConversation, StoredOutgoing } from './storage.js';
import type { Entry } from './wire.js';

interface Shelf {
  readonly meta: Map<string, string>;
  readonly conversations: Map<string, StoredConversation>;
  readonly entries: Map<string, Entry[]>;
  readonly outgoing: Map<string, StoredOutgoing>;
  order: number;
}

/** Keeps everything as long as the object lives: opened again it still has it. */
export class MemoryStorage implements Storage {
  readonly shared: boolean = false;
  private readonly shelves = new Map<string, Shelf>();
  private shelf = this.make();

  private make(): Shelf {
    return { meta: new Map(), conversations: new Map(), entries: new Map(), outgoing: new Map(), order: 0 };
  }

  async open(name: string): Promise<void> {
    this.shelf = this.shelves.get(name) ?? this.make();
    this.shelves.set(name, this.shelf);
  }

  async meta(key: string): Promise<string | undefined> {
    return this.shelf.meta.get(key);
  }

  async setMeta(key: string, value: string): Promise<void> {
    this.shelf.meta.set(key, value);
  }

  async conversations(): Promise<StoredConversation[]> {
    return [...this.shelf.conversations.values()];
  }

  async conversation(id: string): Promise<StoredConversation | undefined> {
    return this.shelf.conversations.get(id);
  }

  async outgoing(): Promise<StoredOutgoing[]> {
    return [...this.shelf.outgoing.values()].sort((a, b) => a.order - b.order);
  }

  async entries(conversation: string, below: number, limit: number): Promise<Entry[]> {
    const all = this.shelf.entries.get(conversation) ?? [];
    let end = all.length;
    while (end > 0 && (all[end - 1] as Entry).seq >= below) end--;
    return all.slice(Math.max(0, end - limit), end);
  }

  async enqueue(outgoing: Omit<StoredOutgoing, 'order'>): Promise<number> {
    const order = ++this.shelf.order;
    this.shelf.outgoing.set(outgoing.id, { ...outgoing, order });
    return order;
  }

  async write(batch: StorageBatch): Promise<void> {
    for (const { conversation, below } of batch.prune ?? []) {
      const all = this.shelf.entries.get(conversation);
      if (all)
        this.shelf.entries.set(
          conversation,
          all.filter((entry) => entry.seq >= below),
        );
    }
    for (const { conversation, entry } of batch.entries ?? []) {
      const all = this.shelf.entries.get(conversation) ?? [];
      this.shelf.entries.set(conversation, all);
      const last = all.at(-1);
      if (!last || last.seq < entry.seq) {
        all.push(entry);
        continue;
      }
      const at = all.findIndex((e) => e.seq >= entry.seq);
      all.splice(at, all[at]?.seq === entry.seq ? 1 : 0, entry);
    }
    for (const conversation of batch.conversations ?? []) this.shelf.conversations.set(conversation.id, conversation);
    for (const outgoing of batch.outgoing ?? []) this.shelf.outgoing.set(outgoing.id, outgoing);
    for (const id of batch.settled ?? []) this.shelf.outgoing.delete(id);
  }

  async clear(): Promise<void> {
    Object.assign(this.shelf, this.make());
  }

  close(): void {}
}

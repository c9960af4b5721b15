import { StorageError } from './errors.js';
import type { Storage, StorageBatch, StoredConversation, StoredOutgoing } from './storage.js';
import type { Entry } from './wire.js';

const version = 1;
const stores = ['meta', 'conversations', 'entries', 'outgoing'] as const;
type Store = (typeof stores)[number];

/** Keeps everything in the browser, for all its tabs: a database for each name. */
export class IndexedDBStorage implements Storage {
  readonly shared: boolean = true;
  private db: IDBDatabase | undefined;

  constructor(private readonly factory: IDBFactory) {}

  open(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = this.factory.open(name, version);
      request.onupgradeneeded = () => {
        const db = request.result;
        db.createObjectStore('meta');
        db.createObjectStore('conversations', { keyPath: 'id' });
        db.createObjectStore('entries');
        db.createObjectStore('outgoing', { keyPath: 'order', autoIncrement: true }).createIndex('id', 'id');
      };
      request.onblocked = () =>
        reject(new StorageError('the storage is held by a tab with an older version: close it'));
      request.onerror = () => reject(failed('open', request.error));
      request.onsuccess = () => {
        this.db = request.result;
        // A newer version in another tab may take over; this one goes on in memory.
        this.db.onversionchange = () => this.close();
        resolve();
      };
    });
  }

  /** Runs what asks for something, and resolves when the transaction is durable. */
  private async run<T>(
    mode: IDBTransactionMode,
    names: readonly Store[],
    ask: (tx: IDBTransaction) => IDBRequest<T> | undefined,
  ): Promise<T> {
    if (!this.db) throw new StorageError('the storage is closed');
    let tx: IDBTransaction;
    let request: IDBRequest<T> | undefined;
    try {
      tx = this.db.transaction([...names], mode);
      request = ask(tx);
    } catch (cause) {
      throw failed('use', cause);
    }
    return new Promise((resolve, reject) => {
      tx.oncomplete = () => resolve(request?.result as T);
      tx.onerror = tx.onabort = () => reject(failed(mode === 'readonly' ? 'read' : 'write', tx.error));
    });
  }

  meta(key: string): Promise<string | undefined> {
    return this.run('readonly', ['meta'], (tx) => tx.objectStore('meta').get(key));
  }

  async setMeta(key: string, value: string): Promise<void> {
    await this.run('readwrite', ['meta'], (tx) => tx.objectStore('meta').put(value, key));
  }

  conversations(): Promise<StoredConversation[]> {
    return this.run('readonly', ['conversations'], (tx) => tx.objectStore('conversations').getAll());
  }

  conversation(id: string): Promise<StoredConversation | undefined> {
    return this.run('readonly', ['conversations'], (tx) => tx.objectStore('conversations').get(id));
  }

  outgoing(): Promise<StoredOutgoing[]> {
    return this.run('readonly', ['outgoing'], (tx) => tx.objectStore('outgoing').getAll());
  }

  async entries(conversation: string, below: number, limit: number): Promise<Entry[]> {
    const found: Entry[] = [];
    const range = IDBKeyRange.bound([conversation, 0], [conversation, below], false, true);
    await this.run('readonly', ['entries'], (tx) => {
      const cursor = tx.objectStore('entries').openCursor(range, 'prev');
      cursor.onsuccess = () => {
        if (!cursor.result) return;
        found.push(cursor.result.value);
        if (found.length < limit) cursor.result.continue();
      };
      return undefined;
    });
    return found.reverse();
  }

  async enqueue(outgoing: Omit<StoredOutgoing, 'order'>): Promise<number> {
    return (await this.run('readwrite', ['outgoing'], (tx) => tx.objectStore('outgoing').add(outgoing))) as number;
  }

  async write(batch: StorageBatch): Promise<void> {
    await this.run('readwrite', ['conversations', 'entries', 'outgoing'], (tx) => {
      const entries = tx.objectStore('entries');
      const outgoing = tx.objectStore('outgoing');
      for (const { conversation, below } of batch.prune ?? []) {
        entries.delete(IDBKeyRange.bound([conversation, 0], [conversation, below], false, true));
      }
      for (const { conversation, entry } of batch.entries ?? []) entries.put(entry, [conversation, entry.seq]);
      for (const conversation of batch.conversations ?? []) tx.objectStore('conversations').put(conversation);
      for (const item of batch.outgoing ?? []) outgoing.put(item);
      for (const id of batch.settled ?? []) {
        const found = outgoing.index('id').getKey(id);
        found.onsuccess = () => {
          if (found.result !== undefined) outgoing.delete(found.result);
        };
      }
      return undefined;
    });
  }

  async clear(): Promise<void> {
    await this.run('readwrite', stores, (tx) => {
      for (const name of stores) tx.objectStore(name).clear();
      return undefined;
    });
  }

  close(): void {
    this.db?.close();
    this.db = undefined;
  }
}

function failed(what: string, cause: unknown): StorageError {
  return new StorageError(`the browser's storage failed to ${what}`, { cause });
}

import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeAll, describe, expect, it } from 'vitest';
import { StorageError } from '../src/errors.js';
import { IndexedDBStorage } from '../src/indexeddb.js';
import { MemoryStorage } from '../src/memory.js';
import type { Storage, StoredConversation } from '../src/storage.js';
import type { Entry } from '../src/wire.js';

const entry = (seq: number): Entry => ({
  seq,
  sender: 'bob',
  at_ms: seq,
  count: seq,
  kind: 'message',
  body: `m${seq}`,
});
const outgoing = (id: string) => ({ id, conversation: 'g', change: { type: 'send', body: id } as const, atMs: 1 });
const row = (id: string, position: number): StoredConversation => ({
  ...{ id, position, low: 1, count: 0, read: 0, delivered: 0, markedAtMs: 0, lastAtMs: 0 },
});

beforeAll(() => {
  globalThis.IDBKeyRange = IDBKeyRange;
});

/** One suite for both: they are the same to the client. make gives the same storage again, as after a reload. */
const kinds: { name: string; make: () => () => Storage }[] = [
  {
    name: 'memory',
    make: () => {
      const one = new MemoryStorage();
      return () => one;
    },
  },
  {
    name: 'IndexedDB',
    make: () => {
      const factory = new IDBFactory();
      return () => new IndexedDBStorage(factory);
    },
  },
];

describe.each(kinds)('the storage in $name', ({ make }) => {
  const opened = async (again = make(), name = 'a') => {
    const storage = again();
    await storage.open(name);
    return storage;
  };

  it('keeps the outbox in order, over a reload', async () => {
    const again = make();
    const storage = await opened(again);
    for (const id of ['z', 'a', 'm']) await storage.enqueue(outgoing(id));
    await storage.write({ settled: ['a'] });
    storage.close();
    const back = await opened(again);
    expect((await back.outgoing()).map((o) => o.id)).toEqual(['z', 'm']);
    expect(await back.enqueue(outgoing('n'))).toBeGreaterThan((await back.outgoing())[1]?.order ?? 0);
  });

  it('gives places in the order of the calls, without a wait between them', async () => {
    const storage = await opened();
    const orders = await Promise.all(['1', '2', '3'].map((id) => storage.enqueue(outgoing(id))));
    expect(orders).toEqual([...orders].sort((a, b) => a - b));
    expect(new Set(orders).size).toBe(3);
  });

  it('changes one in its place', async () => {
    const storage = await opened();
    const order = await storage.enqueue(outgoing('a'));
    await storage.enqueue(outgoing('b'));
    await storage.write({
      outgoing: [{ ...outgoing('a'), order, failed: { code: 'muted', detail: '', retryAfterMs: 1 } }],
    });
    expect((await storage.outgoing()).map((o) => [o.id, o.failed?.code])).toEqual([
      ['a', 'muted'],
      ['b', undefined],
    ]);
  });

  it('pages entries from the newest, of one conversation', async () => {
    const storage = await opened();
    const of = (conversation: string) => [1, 2, 3, 4, 5].map((seq) => ({ conversation, entry: entry(seq) }));
    await storage.write({ entries: [...of('g'), ...of('g-2')] });
    expect((await storage.entries('g', 5, 2)).map((e) => e.seq)).toEqual([3, 4]);
    expect(await storage.entries('g-3', 5, 2)).toEqual([]);
  });

  it('has each entry once, and the last that was written', async () => {
    const storage = await opened();
    await storage.write({
      entries: [
        { conversation: 'g', entry: entry(3) },
        { conversation: 'g', entry: entry(1) },
      ],
    });
    await storage.write({ entries: [{ conversation: 'g', entry: { ...entry(1), body: 'again' } }] });
    expect((await storage.entries('g', 9, 9)).map((e) => e.body)).toEqual(['again', 'm3']);
  });

  it('prunes what is below a seq', async () => {
    const storage = await opened();
    await storage.write({ entries: [1, 2, 3].map((seq) => ({ conversation: 'g', entry: entry(seq) })) });
    await storage.write({ prune: [{ conversation: 'g', below: 3 }] });
    expect((await storage.entries('g', 9, 9)).map((e) => e.seq)).toEqual([3]);
  });

  it('keeps conversations and names', async () => {
    const storage = await opened();
    await storage.write({ conversations: [row('g', 1), row('g-2', 2)] });
    await storage.write({ conversations: [row('g', 3)] });
    await storage.setMeta('device', 'web-1');
    expect((await storage.conversation('g'))?.position).toBe(3);
    expect(await storage.conversations()).toHaveLength(2);
    expect(await storage.meta('device')).toBe('web-1');
    expect(await storage.meta('user')).toBeUndefined();
  });

  it('keeps accounts apart, and clears one', async () => {
    const again = make();
    const a = await opened(again, 'a');
    await a.enqueue(outgoing('x'));
    a.close();
    const b = await opened(again, 'b');
    expect(await b.outgoing()).toEqual([]);
    b.close();
    const back = await opened(again, 'a');
    await back.clear();
    expect(await back.outgoing()).toEqual([]);
  });
});

describe('IndexedDB', () => {
  it('says what failed instead of hanging', async () => {
    const storage = new IndexedDBStorage(new IDBFactory());
    await expect(storage.meta('x')).rejects.toBeInstanceOf(StorageError);
    await storage.open('a');
    storage.close();
    await expect(storage.write({})).rejects.toBeInstanceOf(StorageError);
  });
});

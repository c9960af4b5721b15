import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { vi } from 'vitest';
import { createClient } from '../src/client.js';
import type { Client, Conversation, Message, Options } from '../src/types.js';
import type { Gateway } from './gateway.js';

globalThis.IDBKeyRange = IDBKeyRange;

/** Web Locks as a browser has them: a lock is granted in turn, and free when its holder lets go or its tab is gone. */
class Locks {
  private readonly queues = new Map<string, { grant: () => void; tab: object }[]>();

  of(tab: object) {
    const request = (name: string, options: { signal?: AbortSignal }, hold: () => Promise<void> | undefined) =>
      new Promise<void>((resolve, reject) => {
        const queue = this.queues.get(name) ?? [];
        this.queues.set(name, queue);
        const waiting = {
          tab,
          grant: () =>
            void Promise.resolve(hold())
              .then(() => this.leave(name, waiting))
              .then(resolve, reject),
        };
        options.signal?.addEventListener('abort', () => {
          if (queue[0] !== waiting && queue.includes(waiting)) {
            queue.splice(queue.indexOf(waiting), 1);
            reject(options.signal?.reason);
          }
        });
        queue.push(waiting);
        if (queue[0] === waiting) queueMicrotask(waiting.grant);
      });
    return { request } as unknown as LockManager;
  }

  private leave(name: string, waiting: { grant: () => void; tab: object }): void {
    const queue = this.queues.get(name) ?? [];
    const at = queue.indexOf(waiting);
    if (at < 0) return;
    queue.splice(at, 1);
    if (at === 0) queue[0]?.grant();
  }

  gone(tab: object): void {
    for (const [name, queue] of this.queues) {
      for (const waiting of queue.filter((w) => w.tab === tab)) this.leave(name, waiting);
    }
  }
}

/** One browser: its tabs share locks, channels and IndexedDB. */
export class Browser {
  private readonly locks = new Locks();
  private readonly channels = new Map<
    string,
    Set<{ onmessage: ((e: { data: unknown }) => void) | null; alive: () => boolean }>
  >();
  readonly indexedDB = new IDBFactory();
  readonly tabs: Tab[] = [];

  constructor(readonly gateway: Gateway) {}

  async tab(options: Partial<Options> = {}): Promise<Tab> {
    const tab = new Tab(this, options);
    this.tabs.push(tab);
    await tab.client.start();
    return tab;
  }

  channel(tab: Tab) {
    const { channels } = this;
    return class {
      onmessage: ((e: { data: unknown }) => void) | null = null;
      private readonly peers: Set<{ onmessage: ((e: { data: unknown }) => void) | null; alive: () => boolean }>;
      readonly alive = () => tab.alive;
      constructor(name: string) {
        this.peers = channels.get(name) ?? new Set();
        channels.set(name, this.peers);
        this.peers.add(this);
      }
      postMessage(message: unknown) {
        if (!tab.alive) return;
        const data = structuredClone(message);
        for (const peer of this.peers)
          if (peer !== this) queueMicrotask(() => peer.alive() && peer.onmessage?.({ data }));
      }
      close() {
        this.peers.delete(this);
      }
    } as unknown as new (
      name: string,
    ) => BroadcastChannel;
  }

  locksOf(tab: Tab): LockManager {
    return this.locks.of(tab);
  }

  gone(tab: Tab): void {
    this.locks.gone(tab);
  }

  async close(): Promise<void> {
    for (const tab of this.tabs) if (tab.alive) await tab.client.stop();
  }
}

export class Tab {
  alive = true;
  readonly client: Client;
  readonly problems: Error[] = [];

  constructor(
    private readonly browser: Browser,
    options: Partial<Options>,
  ) {
    const { gateway } = browser;
    const fetch: typeof globalThis.fetch = (...args) => (this.alive ? gateway.fetch(...args) : new Promise(() => {}));
    this.client = createClient({
      ...{
        url: 'https://chat.example',
        account: 'alice',
        token: async () => 'good',
        minBackoffMs: 1,
        maxBackoffMs: 20,
      },
      onProblem: (error) => this.problems.push(error),
      environment: {
        ...{ WebSocket: gateway.WebSocket, fetch, indexedDB: browser.indexedDB },
        ...{ locks: browser.locksOf(this), BroadcastChannel: browser.channel(this) },
      },
      ...options,
    });
  }

  /** The tab is gone, without a word: what it had in memory is lost, its socket and its lock are free. */
  crash(connection?: { end(code: number): void; onclose: unknown; onmessage: unknown }): void {
    this.alive = false;
    for (const open of connection ? [connection] : this.browser.gateway.open) {
      open.onclose = null;
      open.onmessage = null;
      open.end(1001);
    }
    this.browser.gone(this);
  }

  role(): string {
    return this.client.connection.getSnapshot().role;
  }

  phase(): string {
    return this.client.connection.getSnapshot().phase;
  }

  async online(): Promise<void> {
    await vi.waitFor(() => {
      if (this.phase() !== 'online') throw new Error(`it is ${this.phase()}`);
    }, 5000);
  }
}

/** The messages of an open conversation, as `seq body state`. */
export function messages(conversation: Conversation): string[] {
  return conversation
    .getSnapshot()
    .items.filter((item): item is Message => item.kind === 'message')
    .map((m) => `${m.seq} ${m.body} ${m.state}`);
}

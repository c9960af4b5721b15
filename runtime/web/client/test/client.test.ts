import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutboxFullError, RefusedError, StoppedError } from '../src/errors.js';
import { Browser, messages } from './browser.js';
import { Gateway } from './gateway.js';

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 5000, interval: 5 });

describe('a client', () => {
  let gateway: Gateway;
  let browser: Browser;
  beforeEach(() => {
    gateway = new Gateway();
    browser = new Browser(gateway);
  });
  afterEach(() => browser.close());

  it('shows a message at once, and the same one when it is stored', async () => {
    const tab = await browser.tab();
    const c = tab.client.open('g');
    const sent = c.send('hello');
    const [pending] = c.getSnapshot().items;
    expect(pending).toMatchObject({ body: 'hello', state: 'pending', seq: 0, own: true, key: `c:${sent.id}` });
    expect(await sent.done).toMatchObject({ seq: 1 });
    await until(() => expect(c.getSnapshot().items).toMatchObject([{ key: `c:${sent.id}`, state: 'sent', seq: 1 }]));
  });

  it('loses no body to a tab that is gone while there is no connection: the next one sends it, once and in order', async () => {
    gateway.online = false;
    const tab = await browser.tab();
    const c = tab.client.open('g');
    for (const body of ['1', '2', '3']) c.send(body);
    await until(async () => expect(await stored(browser)).toHaveLength(3));
    tab.crash();
    gateway.online = true;
    const next = await browser.tab();
    const again = next.client.open('g');
    await until(() => expect(messages(again)).toEqual(['1 1 sent', '2 2 sent', '3 3 sent']));
    expect(gateway.bodies('g')).toEqual(['1', '2', '3']);
    await until(async () => expect(await stored(browser)).toHaveLength(0));
  });

  it('sends what is acknowledged to a tab that is gone again, and nothing is doubled', async () => {
    // The gateway has stored it, but its answer is lost with the tab.
    const tab = await browser.tab();
    await tab.online();
    gateway.script = (connection, frame) => {
      if (frame.type !== 'send' || gateway.script === undefined) return false;
      gateway.script = undefined;
      connection.onmessage = null;
      return false;
    };
    tab.client.open('g').send('once');
    await until(() => expect(gateway.bodies('g')).toEqual(['once']));
    tab.crash();
    const next = await browser.tab();
    const c = next.client.open('g');
    await until(() => expect(messages(c)).toEqual(['1 once sent']));
    await until(async () => expect(await stored(browser)).toHaveLength(0));
    expect(gateway.bodies('g')).toEqual(['once']);
    expect(new Set(gateway.sent('send').map((f) => f.client_msg_id)).size).toBe(1);
  });

  it('sends nothing that the storage does not have yet', async () => {
    const tab = await browser.tab();
    await tab.online();
    const c = tab.client.open('g');
    let kept: Kept[] | undefined;
    gateway.script = (connection, frame) => {
      if (frame.type !== 'send' || kept) return false;
      void stored(browser).then((all) => {
        kept = all;
        gateway.take(connection, frame);
      });
      return true;
    };
    const sent = c.send('hello');
    await sent.done;
    expect(kept).toMatchObject([{ id: sent.id }]);
  });

  it('shows what it has kept when there is no network', async () => {
    const tab = await browser.tab();
    await tab.online();
    for (let i = 1; i <= 5; i++) gateway.says('g', `m${i}`);
    await until(() => expect(gateway.marks.get('g')).toBe(5));
    tab.crash();
    gateway.online = false;
    const next = await browser.tab();
    expect(next.client.user).toBe('alice');
    const c = next.client.open('g');
    await until(() => expect(messages(c)).toHaveLength(5));
    expect(next.client.inbox.getSnapshot().conversations).toMatchObject([{ id: 'g', lastPreview: 'm5', unread: 5 }]);
  });

  it('confirms what it has kept, and not before', async () => {
    const tab = await browser.tab();
    await tab.online();
    gateway.says('g', 'm1');
    await until(() => expect(gateway.marks.get('g')).toBe(1));
    expect(await read(browser, 'entries')).toMatchObject([{ seq: 1, body: 'm1' }]);
  });

  it('pages older messages from what it has kept, then from the history', async () => {
    const tab = await browser.tab();
    await tab.online();
    for (let i = 1; i <= 150; i++) gateway.says('g', `m${i}`);
    await until(() => expect(gateway.marks.get('g')).toBe(150));
    const c = tab.client.open('g');
    await until(() => expect(messages(c)).toHaveLength(100));
    const asked = gateway.requests + gateway.sent('history').length;
    expect(c.getSnapshot().older).toBe(true);
    await c.loadOlder();
    expect(messages(c)[0]).toBe('1 m1 sent');
    expect(c.getSnapshot()).toMatchObject({ older: false, newer: false });
    expect(gateway.requests + gateway.sent('history').length).toBe(asked);
  });

  it('keeps what was refused for good: it can be sent again, or discarded', async () => {
    const tab = await browser.tab();
    await tab.online();
    const c = tab.client.open('g');
    let refuse = true;
    gateway.script = (connection, frame) => {
      if (frame.type !== 'send' || !refuse) return false;
      connection.say({
        type: 'error',
        conversation: 'g',
        client_msg_id: frame.client_msg_id ?? '',
        code: 'muted',
        retry_after_ms: 50,
      });
      return true;
    };
    const one = c.send('one');
    const two = c.send('two');
    await expect(one.done).rejects.toMatchObject({ code: 'muted', retryAfterMs: 50 });
    await expect(two.done).rejects.toBeInstanceOf(RefusedError);
    expect(messages(c)).toEqual(['0 one failed', '0 two failed']);
    expect(c.getSnapshot().summary).toMatchObject({ failed: 2, pending: 0 });
    await until(async () => expect((await stored(browser)).filter((o) => o.failed)).toHaveLength(2));
    refuse = false;
    expect(c.retry(`c:${one.id}`)).toBe(true);
    expect(await c.discard(`c:${two.id}`)).toBe(true);
    await until(() => expect(messages(c)).toEqual(['1 one sent']));
    expect(gateway.bodies('g')).toEqual(['one']);
    expect(c.retry('c:nothing')).toBe(false);
  });

  it('gives up one that the gate waits for by a reconnect', async () => {
    const tab = await browser.tab();
    await tab.online();
    const c = tab.client.open('g');
    gateway.script = (connection, frame) => {
      if (frame.type !== 'send' || gateway.all.length > 1) return false;
      connection.say({
        type: 'error',
        conversation: 'g',
        client_msg_id: frame.client_msg_id ?? '',
        code: 'busy',
        retry_after_ms: 60_000,
      });
      return true;
    };
    const stuck = c.send('stuck');
    const behind = c.send('behind');
    await until(() => expect(gateway.sent('send')).not.toHaveLength(0));
    await until(async () => expect(await c.discard(`c:${stuck.id}`)).toBe(true));
    await expect(stuck.done).rejects.toBeInstanceOf(StoppedError);
    await behind.done;
    expect(gateway.bodies('g')).toEqual(['behind']);
    expect(gateway.all).toHaveLength(2);
  });

  it("shows the user's own changes before they have an answer, and as they were when they are refused", async () => {
    const tab = await browser.tab();
    await tab.online();
    const c = tab.client.open('g');
    const { seq } = await c.send('hello').done;
    const held: (() => void)[] = [];
    gateway.script = (connection, frame) => {
      if (frame.type !== 'edit') return false;
      const refuse = { type: 'error', conversation: 'g', client_msg_id: frame.client_msg_id, code: 'too_old' };
      held.push(() => connection.say(refuse));
      return true;
    };
    await until(() => expect(messages(c)).toEqual(['1 hello sent']));
    const edit = c.edit(seq, 'hallo');
    expect(c.getSnapshot().items[0]).toMatchObject({ body: 'hallo', changing: true });
    await until(() => expect(held).toHaveLength(1));
    held[0]?.();
    await expect(edit.done).rejects.toMatchObject({ code: 'too_old' });
    expect(c.getSnapshot().items[0]).toMatchObject({ body: 'hello', changing: false, error: { code: 'too_old' } });
    expect(await c.discard(c.getSnapshot().items[0]?.key ?? '')).toBe(true);
    expect(c.getSnapshot().items[0]).not.toHaveProperty('error');
  });

  it('refuses at once what the gateway would', async () => {
    const tab = await browser.tab({ maxPending: 1 });
    const c = tab.client.open('g');
    expect(() => c.send('')).toThrow(RefusedError);
    expect(() => c.send('ü'.repeat(8193))).toThrow(/too_large/);
    gateway.online = false;
    gateway.script = () => true;
    c.send('ü'.repeat(8192));
    expect(() => c.send('one more')).toThrow(OutboxFullError);
  });

  it("never sends what belongs to another user's account", async () => {
    gateway.online = false;
    const tab = await browser.tab();
    await tab.client.stop();
    gateway.online = true;
    const first = await browser.tab();
    await first.online();
    gateway.online = false;
    for (const c of gateway.open) c.end(1006);
    first.client.open('g').send('a secret of alice');
    await until(async () => expect(await stored(browser)).toHaveLength(1));
    first.crash();
    gateway.online = true;
    gateway.user = 'bob';
    const next = await browser.tab();
    await until(() => expect(next.phase()).toBe('ended'));
    expect(next.client.connection.getSnapshot()).toMatchObject({ error: { name: 'AccountError' } });
    expect(gateway.sent('send')).toEqual([]);
  });

  it('forgets all of it at a sign-out', async () => {
    const tab = await browser.tab();
    await tab.online();
    gateway.says('g', 'm1');
    await until(() => expect(gateway.marks.get('g')).toBe(1));
    await tab.client.signOut();
    expect(tab.phase()).toBe('stopped');
    expect(tab.client.inbox.getSnapshot().conversations).toEqual([]);
    for (const store of ['entries', 'conversations', 'meta', 'outgoing'])
      expect(await read(browser, store)).toEqual([]);
  });

  it('forgets when it is told to, even where the server cannot be', async () => {
    const tab = await browser.tab();
    const other = await browser.tab();
    await tab.online();
    gateway.says('g', 'm1');
    await until(() => expect(gateway.marks.get('g')).toBe(1));
    gateway.online = false;
    await expect(tab.client.signOut()).rejects.toThrow();
    expect(await read(browser, 'entries')).not.toEqual([]);
    await tab.client.forget();
    await until(() => expect([tab.phase(), other.phase()]).toEqual(['stopped', 'stopped']));
    for (const store of ['entries', 'conversations', 'meta', 'outgoing'])
      expect(await read(browser, store)).toEqual([]);
    await tab.client.forget(); // there is nothing left
  });

  it('tells of new messages of others once, and not of those that were read', async () => {
    const tab = await browser.tab();
    await tab.online();
    const told: string[] = [];
    const stop = tab.client.onArrival(({ message }) => told.push(message.body));
    gateway.says('g', 'm1');
    gateway.append('g', { sender: 'alice', kind: 'message', body: 'from my phone' });
    for (const c of gateway.open) c.end(1006);
    await until(() => expect(gateway.all).toHaveLength(2));
    await tab.online();
    gateway.says('g', 'm2');
    await until(() => expect(told).toEqual(['m1', 'm2']));
    stop();
    gateway.says('g', 'm3');
    await until(() => expect(gateway.marks.get('g')).toBe(4));
    expect(told).toEqual(['m1', 'm2']);
  });

  it('has the same snapshots, and the same messages in them, until something changes', async () => {
    const tab = await browser.tab();
    await tab.online();
    gateway.says('g', 'm1');
    const c = tab.client.open('g');
    await until(() => expect(messages(c)).toHaveLength(1));
    await until(() => expect(c.getSnapshot().summary.title).toBe('Team'));
    await until(() => expect(tab.client.inbox.getSnapshot().loading).toBe(false));
    const before = c.getSnapshot();
    expect(c.getSnapshot()).toBe(before);
    expect(tab.client.inbox.getSnapshot()).toBe(tab.client.inbox.getSnapshot());
    let told = 0;
    c.subscribe(() => told++);
    gateway.says('g', 'm2');
    await until(() => expect(told).toBeGreaterThan(0));
    expect(c.getSnapshot()).not.toBe(before);
    expect(c.getSnapshot().items[0]).toBe(before.items[0]);
  });

  it('goes on in memory where the browser keeps nothing', async () => {
    const broken = {
      open: () => {
        const request: { onerror?: () => void; error: Error } = { error: new Error('denied') };
        queueMicrotask(() => request.onerror?.());
        return request;
      },
    } as unknown as IDBFactory;
    const tab = await browser.tab({
      environment: { indexedDB: broken, WebSocket: gateway.WebSocket, fetch: gateway.fetch },
    });
    await tab.online();
    expect(tab.problems.map((p) => p.name)).toEqual(['StorageError']);
    await tab.client.open('g').send('hello').done;
    expect(gateway.bodies('g')).toEqual(['hello']);
  });

  it('frees the window of a conversation with its last close', async () => {
    const tab = await browser.tab();
    await tab.online();
    const one = tab.client.open('g');
    const two = tab.client.open('g');
    one.close();
    one.close();
    gateway.says('g', 'm1');
    await until(() => expect(messages(two)).toHaveLength(1));
    two.close();
    const three = tab.client.open('g');
    expect(messages(three)).toEqual([]);
    await until(() => expect(messages(three)).toHaveLength(1));
  });
});

describe('tabs of one browser', () => {
  let gateway: Gateway;
  let browser: Browser;
  beforeEach(() => {
    gateway = new Gateway();
    browser = new Browser(gateway);
  });
  afterEach(() => browser.close());

  it('have one connection, and show the same', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    expect([a.role(), b.role()]).toEqual(['leader', 'follower']);
    expect(b.client.device).toBe(a.client.device);
    const [ca, cb] = [a.client.open('g'), b.client.open('g')];
    gateway.says('g', 'm1');
    await cb.send('from the follower').done;
    await ca.send('from the leader').done;
    for (const c of [ca, cb]) {
      await until(() =>
        expect(messages(c)).toEqual(['1 m1 sent', '2 from the follower sent', '3 from the leader sent']),
      );
    }
    expect(gateway.all).toHaveLength(1);
    expect(gateway.bodies('g')).toHaveLength(3);
  });

  it('hand the connection on when the one that has it goes, with what waits', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    const cb = b.client.open('g');
    gateway.script = (_, frame) => frame.type === 'send';
    const waiting = cb.send('waits');
    await until(() => expect(gateway.sent('send')).toHaveLength(1));
    gateway.script = undefined;
    a.crash();
    expect(await waiting.done).toMatchObject({ seq: 1 });
    await until(() => expect(b.role()).toBe('leader'));
    await until(() => expect(messages(cb)).toEqual(['1 waits sent']));
    expect(gateway.bodies('g')).toEqual(['waits']);
    expect(gateway.sent('hello').map((f) => 'device' in f && f.device)).toEqual([a.client.device, a.client.device]);
  });

  it('hand it on when it is stopped', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await a.client.stop();
    await b.online();
    expect(b.role()).toBe('leader');
    expect(a.phase()).toBe('stopped');
  });

  it('agree on what is read', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    gateway.says('g', 'm1');
    gateway.says('g', 'm2');
    const cb = b.client.open('g');
    await until(() => expect(cb.getSnapshot().summary.unread).toBe(2));
    cb.markRead(2);
    await until(() => expect(gateway.sent('read')).toMatchObject([{ seq: 2 }]));
    for (const { client } of [a, b])
      expect(client.inbox.getSnapshot().conversations[0]).toMatchObject({ unread: 0, read: 2 });
  });

  it('watch together, and stop together', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    const watched = () => gateway.sent('presence').map((f) => 'users' in f && [...f.users].sort().join());
    a.client.watch(['bob']);
    const stop = b.client.watch(['carol']);
    await until(() => expect(watched().at(-1)).toBe('bob,carol'));
    for (const c of gateway.open) c.say({ type: 'presence', presence: [{ user: 'carol', online: true }] });
    await until(() => expect(b.client.presence.getSnapshot().get('carol')?.online).toBe(true));
    stop();
    await until(() => expect(watched().at(-1)).toBe('bob'));
  });

  it('catch up when they open late, without another connection', async () => {
    const a = await browser.tab();
    await a.online();
    for (let i = 1; i <= 20; i++) gateway.says('g', `m${i}`);
    await until(() => expect(gateway.marks.get('g')).toBe(20));
    const b = await browser.tab();
    const c = b.client.open('g');
    await until(() => expect(messages(c)).toHaveLength(20));
    gateway.says('g', 'm21');
    await until(() => expect(messages(c)).toHaveLength(21));
    expect(gateway.all).toHaveLength(1);
  });

  it('know when the gateway gave the device up, and any of them may take it back', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    for (const c of gateway.open) c.end(3501);
    for (const tab of [a, b]) {
      await until(() =>
        expect(tab.client.connection.getSnapshot()).toMatchObject({
          phase: 'ended',
          error: { code: 3501, replaced: true },
        }),
      );
    }
    await b.client.start();
    await b.online();
    expect(gateway.all).toHaveLength(2);
  });

  it('sign out together', async () => {
    const a = await browser.tab();
    await a.online();
    const b = await browser.tab();
    await b.online();
    await b.client.signOut();
    await until(() => expect([a.phase(), b.phase()]).toEqual(['stopped', 'stopped']));
    expect(gateway.open.size).toBe(0);
  });

  it('each have a connection where the browser has no locks: the gateway ends the older', async () => {
    const environment = {
      locks: undefined,
      WebSocket: gateway.WebSocket,
      fetch: gateway.fetch,
      indexedDB: browser.indexedDB,
    };
    const a = await browser.tab({ environment });
    await a.online();
    const b = await browser.tab({ environment });
    await b.online();
    expect([a.role(), b.role()]).toEqual(['leader', 'leader']);
    expect(b.client.device).toBe(a.client.device);
  });
});

interface Kept {
  readonly id: string;
  readonly failed?: object;
}

const stored = (browser: Browser) => read(browser, 'outgoing') as Promise<Kept[]>;

/** What the browser keeps, read past the client. */
function read(browser: Browser, store: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const request = browser.indexedDB.open('chatcluster/https://chat.example/alice');
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const all = request.result.transaction(store).objectStore(store).getAll();
      all.onsuccess = () => {
        request.result.close();
        resolve(all.result);
      };
    };
  });
}

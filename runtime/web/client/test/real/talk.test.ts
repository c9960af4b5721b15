import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../src/client.js';
import { MemoryStorage } from '../../src/memory.js';
import type { Client, Conversation, Message } from '../../src/types.js';
import type { Entry } from '../../src/wire.js';
import { Server } from './server.js';

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 60_000, interval: 20 });

describe('with the real server', () => {
  let server: Server;
  const clients: Client[] = [];

  beforeAll(async () => {
    server = await Server.start();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.stop()));
  });
  afterAll(() => server?.close());

  async function join(user: string, storage = new MemoryStorage(), device = `web-${user}`): Promise<Client> {
    const client = createClient({
      ...{ url: server.url, account: user, device, storage, maxBackoffMs: 500 },
      token: async () => server.token(user),
      environment: { WebSocket: WebSocket as unknown as typeof globalThis.WebSocket },
    });
    clients.push(client);
    await client.start();
    await until(() => expect(client.connection.getSnapshot().phase).toBe('online'));
    return client;
  }

  const shown = (c: Conversation) => c.getSnapshot().items.filter((i): i is Message => i.kind === 'message');
  const bodies = (c: Conversation) => shown(c).map((m) => m.body);

  it('two users talk: messages, changes, receipts, typing, presence, the inbox', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    const { id } = await alice.rest.createDirect('bob');
    const [a, b] = [alice.open(id), bob.open(id)];
    const { seq } = await a.send('hello').done;
    await until(() => expect(bodies(b)).toEqual(['hello']));
    await until(() =>
      expect(bob.inbox.getSnapshot().conversations).toMatchObject([{ id, kind: 'direct', peer: 'alice', unread: 1 }]),
    );
    b.markRead(seq);
    await until(() => expect(a.getSnapshot().receipts.get('bob')?.read).toBe(seq));
    expect(bob.inbox.getSnapshot().conversations).toMatchObject([{ unread: 0 }]);

    await a.edit(seq, 'hello, bob').done;
    await b.react(seq, '👍').done;
    for (const c of [a, b]) {
      await until(() =>
        expect(shown(c)).toMatchObject([{ body: 'hello, bob', reactions: [{ emoji: '👍', users: ['bob'] }] }]),
      );
    }
    b.setTyping(true);
    await until(() => expect(a.getSnapshot().typing).toEqual(['bob']));
    alice.watch(['bob']);
    await until(() => expect(alice.presence.getSnapshot().get('bob')?.online).toBe(true));

    await a.delete(seq).done;
    await until(() => expect(shown(b)).toMatchObject([{ deleted: true, body: '', reactions: [] }]));
    await expect(b.edit(seq, 'mine now').done).rejects.toMatchObject({ name: 'RefusedError' });
    await expect(alice.rest.conversation('g-nowhere')).rejects.toMatchObject({ code: 'not_member', status: 404 });
  });

  it('a group: members, a title, leaving, preferences, devices', async () => {
    const [alice, bob] = [await join('alice'), await join('bob')];
    const { id } = await alice.rest.createGroup('Team', ['bob']);
    await alice.rest.addMembers(id, ['carol']);
    await alice.rest.changeRole(id, 'bob', 'admin');
    await alice.rest.rename(id, 'The team');
    const b = bob.open(id);
    await until(() =>
      expect(b.getSnapshot().items.map((i) => i.kind)).toEqual([
        'members_added',
        'members_added',
        'role_changed',
        'renamed',
      ]),
    );
    await until(() => expect(b.getSnapshot().summary).toMatchObject({ kind: 'group', title: 'The team', left: false }));
    expect((await alice.rest.members(id)).members.map((m) => [m.user, m.role])).toEqual([
      ['alice', 'owner'],
      ['bob', 'admin'],
      ['carol', 'member'],
    ]);
    expect(await bob.rest.setPreferences(id, { muted_until_ms: 9_999_999_999_999, pinned: true })).toMatchObject({
      pinned: true,
    });
    expect(b.getSnapshot().summary).toMatchObject({ mutedUntilMs: 9_999_999_999_999, pinned: true });
    await bob.rest.leave(id);
    await until(() => expect(b.getSnapshot().summary.left).toBe(true));
    await expect(b.send('still here?').done).rejects.toMatchObject({ code: 'not_member' });
    expect((await alice.rest.devices()).map((d) => d.id)).toContain('web-alice');
    expect((await alice.rest.sessions()).map((s) => s.device)).toContain('web-alice');
  });

  it('the server is killed while they send, and a tab with it: nothing is lost, nothing doubled, all in order', async () => {
    const storage = new MemoryStorage();
    const [alice, bob] = [await join('alice', storage), await join('bob')];
    const { id } = await alice.rest.createGroup('Team', ['bob']);
    const [a, b] = [alice.open(id), bob.open(id)];
    const each = 60;
    const done: Promise<unknown>[] = [];
    for (let i = 0; i < each; i++) {
      a.send(`alice ${i}`);
      done.push(b.send(`bob ${i}`).done);
    }
    await until(() => expect(shown(b).filter((m) => m.state === 'sent').length).toBeGreaterThan(10));
    await server.kill();
    await alice.stop();
    await server.begin();
    const again = await join('alice', storage);
    const back = again.open(id);
    await Promise.all(done);
    // What alice said before is on its way, too.
    const log = await until(async () => {
      const entries = await history(again, id);
      expect(entries.filter((e) => e.kind === 'message').length).toBeGreaterThanOrEqual(2 * each);
      return entries;
    });
    for (const c of [back, b]) {
      await until(() => expect(shown(c).at(-1)?.seq).toBe(log.at(-1)?.seq));
      await all(c);
    }
    const said = log.filter((e) => e.kind === 'message');
    for (const user of ['alice', 'bob']) {
      const own = said.filter((e) => e.sender === user).map((e) => e.body);
      expect(own).toEqual(Array.from({ length: each }, (_, i) => `${user} ${i}`));
    }
    expect(log.map((e) => e.seq)).toEqual(log.map((_, i) => i + 1));
    for (const c of [back, b]) expect(shown(c).map((m) => [m.seq, m.body])).toEqual(said.map((e) => [e.seq, e.body]));
  });

  /** A window may begin with the newest: the others are paged. */
  async function all(c: Conversation): Promise<void> {
    while (c.getSnapshot().older) {
      await c.loadOlder();
      expect(c.getSnapshot().error).toBeUndefined();
    }
  }

  async function history(client: Client, id: string): Promise<Entry[]> {
    const all: Entry[] = [];
    for (let more = true; more; ) {
      const page = await client.rest.history(id, { after: all.at(-1)?.seq ?? 0, limit: 200 });
      all.push(...page.entries);
      more = page.more;
    }
    return all;
  }

  it('what was missed comes after a reconnect, and a large gap is paged', async () => {
    const storage = new MemoryStorage();
    const [alice, bob] = [await join('alice'), await join('bob', storage, 'web-bob-2')];
    const { id } = await alice.rest.createGroup('Team', ['bob']);
    const a = alice.open(id);
    await a.send('0').done;
    await until(() => expect(bob.inbox.getSnapshot().conversations.some((c) => c.id === id && c.head >= 2)).toBe(true));
    await bob.stop();
    const many = 320;
    const sent: Promise<unknown>[] = [];
    for (let i = 1; i <= many; i++) sent.push(a.send(String(i)).done);
    await Promise.all(sent);
    const back = await join('bob', storage, 'web-bob-2');
    const b = back.open(id);
    await until(() => expect(bodies(b).at(-1)).toBe(String(many)));
    await all(b);
    expect(bodies(b)).toEqual(Array.from({ length: many + 1 }, (_, i) => String(i)));
    expect(b.getSnapshot().summary.unread).toBe(many + 1);
  });
});

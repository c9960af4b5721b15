/** The page with everything that it can show, without a server: for looking at it, and for measuring how it scrolls. */
import { type Item, type Message, RefusedError } from '@chatcluster/client';
import { render } from 'preact';
import { App } from '../src/App';
import { client } from '../src/chat/connect';
import { starting, useToken } from '../src/session/session';
import '../src/styles';
import { FakeClient, FakeConversation, message, summary } from '../test/fakeClient';

const claims = btoa(JSON.stringify({ sub: 'alice' })).replaceAll('=', '');
const now = Date.now();
const ago = (minutes: number): number => now - minutes * 60_000;
const fake = new FakeClient();
const g = (seq: number, minutes: number, sender: string, body: string, change: Partial<Message> = {}): Message =>
  message(seq, { conversation: 'g-1', sender, own: sender === 'alice', body, atMs: ago(minutes), ...change });
const notice = (seq: number, kind: 'members_added' | 'renamed', change: object): Item =>
  ({
    kind,
    key: `n-${seq}`,
    conversation: 'g-1',
    seq,
    sender: 'alice',
    atMs: ago(1600),
    members: [],
    users: [],
    title: '',
    ...change,
  }) as Item;

const team: Item[] = [
  notice(1, 'members_added', { members: ['alice', 'bob', 'carol', 'dave'].map((user) => ({ user, role: 'member' })) }),
  notice(2, 'renamed', { title: 'Weekend in the hills' }),
  g(3, 1500, 'alice', 'Who is in for Saturday? I thought we take the early train and walk from the station.', {
    reactions: [
      { emoji: '👍', users: ['bob', 'carol'] },
      { emoji: '❤️', users: ['alice'] },
    ],
  }),
  g(4, 1490, 'bob', 'In! Early means what, exactly?'),
  g(5, 1489, 'carol', 'Before the sun, if I know alice.', {
    reactions: [{ emoji: '😂', users: ['alice', 'bob', 'dave'] }],
  }),
  g(6, 1480, 'alice', '7:12, platform 4. The timetable is at https://trains.example.com/timetable?from=town&to=hills.'),
  g(7, 60, 'dave', 'I may come later by car.\nThere is room for two on the way back.'),
  g(8, 58, 'dave', 'Free tickets!!! Click here', {
    verdict: { action: 'flag', processor: 'spam', reason: 'looks like an advertisement' },
  }),
  g(9, 40, 'bob', 'That ******* hill again', { verdict: { action: 'mask', processor: 'profanity' } }),
  g(10, 35, 'carol', '', { deleted: true }),
  g(11, 20, 'carol', 'Bread and cheese from me, somebody brings fruit?', { editedAtMs: ago(19) }),
  g(12, 12, 'alice', 'Fruit is mine.', {}),
  g(13, 11, 'alice', '<b>And</b> a thermos of tea'),
  g(14, 3, 'bob', 'Perfect. See you on platform 4.'),
  g(15, 1, 'alice', 'Looking forward to it', { state: 'pending', seq: 0 }),
  g(16, 0, 'alice', 'Does anybody have a map?', { state: 'failed', seq: 0, error: new RefusedError('rate_limited') }),
];
const words =
  'the quick train goes over the hill and down to the river where we sit and eat and talk for a while'.split(' ');
const many: Item[] = Array.from({ length: 10_000 }, (_, i) =>
  message(i + 1, {
    key: `many-${i}`,
    conversation: 'd-2',
    sender: i % 3 ? 'carol' : 'alice',
    own: i % 3 === 0,
    atMs: now - (10_000 - i) * 7 * 60_000,
    body: `${i + 1}: ${Array.from({ length: 1 + ((i * 7919) % 40) }, (_, w) => words[(i + w) % words.length]).join(' ')}`,
  }),
);
fake.members = ['alice', 'bob', 'carol', 'dave'].map((user, i) => ({
  user,
  role: i === 0 ? 'owner' : i === 1 ? 'admin' : 'member',
  joined: 1,
}));
fake.presence.set(
  new Map([
    ['bob', { user: 'bob', online: true }],
    ['carol', { user: 'carol', online: false, last_seen_ms: ago(50) }],
  ]),
);
const group = new FakeConversation(
  'g-1',
  summary({
    id: 'g-1',
    kind: 'group',
    title: 'Weekend in the hills',
    unread: 1,
    read: 13,
    head: 14,
    lastAtMs: ago(0),
    lastSender: 'bob',
    lastPreview: 'Perfect. See you on platform 4.',
    pinned: true,
  }),
  team,
);
group.patch({
  typing: ['carol'],
  receipts: new Map(['bob', 'carol', 'dave'].map((u, i) => [u, { delivered: 13, read: 12 - i }])),
});
fake.add(group);
fake.add(
  new FakeConversation(
    'd-1',
    summary({
      id: 'd-1',
      peer: 'bob',
      unread: 3,
      lastAtMs: ago(9),
      lastSender: 'bob',
      lastPreview: 'Have you seen the pictures?',
    }),
    [message(1)],
  ),
);
fake.add(
  new FakeConversation(
    'd-2',
    summary({ id: 'd-2', peer: 'carol', lastAtMs: ago(130), lastSender: 'alice', lastPreview: 'Good night!' }),
    many,
    200,
  ),
);
fake.add(
  new FakeConversation(
    'd-3',
    summary({
      id: 'd-3',
      peer: 'dave',
      lastAtMs: ago(1900),
      lastSender: 'dave',
      lastPreview: 'OK',
      mutedUntilMs: now * 2,
      unread: 12,
    }),
    [],
  ),
);
fake.add(
  new FakeConversation(
    'g-2',
    summary({
      id: 'g-2',
      kind: 'group',
      title: 'Book club',
      lastAtMs: ago(5000),
      lastSender: 'carol',
      lastPreview: 'Chapter nine for next week',
      failed: 1,
    }),
    [],
  ),
);
Object.assign(window, { fake });

useToken(`e30.${claims}.x`);
client.value = fake;
starting.value = false;
render(<App />, document.getElementById('app') as HTMLElement);

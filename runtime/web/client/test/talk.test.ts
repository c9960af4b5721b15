import { describe, expect, it } from 'vitest';
import { Talk } from '../src/talk.js';
import type { Entry, InboxItem } from '../src/wire.js';

const said = (seq: number, count: number, sender = 'bob'): Entry => ({
  ...{ seq, sender, at_ms: seq, count, kind: 'message', body: `m${seq}` },
});
const item = (over: Partial<InboxItem>): InboxItem => ({
  ...{ conversation: 'g', kind: 'group', unread: 0, read: 0, head: 0, last_at_ms: 1 },
  ...over,
});
const unread = (talk: Talk) => talk.summary(0, 0).unread;

const table: { why: string; steps: ((talk: Talk) => void)[]; unread: number }[] = [
  {
    why: 'unread is the difference of two counts: entries that are no messages do not count',
    steps: [
      (t) => t.apply({ ...said(1, 0), kind: 'members_added' }),
      (t) => t.apply(said(2, 1)),
      (t) => t.apply({ ...said(3, 1), kind: 'reacted', target: 2, emoji: '👍' }),
      (t) => t.apply(said(4, 2)),
    ],
    unread: 2,
  },
  { why: 'the first that is pushed to a new device is unread itself', steps: [(t) => t.apply(said(7, 7))], unread: 1 },
  {
    why: 'reading to the end leaves nothing',
    steps: [(t) => t.apply(said(1, 1)), (t) => t.apply(said(2, 2)), (t) => t.raiseRead(2)],
    unread: 0,
  },
  {
    why: 'reading in part leaves the rest',
    steps: [(t) => t.apply(said(1, 1)), (t) => t.apply(said(2, 2)), (t) => t.raiseRead(1, 1)],
    unread: 1,
  },
  {
    why: 'what the user said last counts as read up to there',
    steps: [(t) => t.apply(said(1, 1)), (t) => t.apply(said(2, 2, 'alice')), (t) => t.apply(said(3, 3))],
    unread: 1,
  },
  {
    why: 'before entries have come the inbox knows',
    steps: [(t) => t.patch({ id: 'g', item: item({ head: 9, unread: 4 }) })],
    unread: 4,
  },
  {
    why: 'when they have come as far as the inbox knew they are counted from there',
    steps: [
      (t) => t.patch({ id: 'g', item: item({ head: 9, unread: 4 }) }),
      (t) => t.apply(said(9, 9)),
      (t) => t.apply(said(10, 10)),
    ],
    unread: 5,
  },
  {
    why: 'a page of the inbox that is older than what was read here does not bring it back',
    steps: [
      (t) => t.apply(said(1, 1)),
      (t) => t.raiseRead(1),
      (t) => t.patch({ id: 'g', item: item({ head: 1, unread: 1 }) }),
    ],
    unread: 0,
  },
  {
    why: 'what another device has read is read here',
    steps: [
      (t) => t.apply(said(1, 1)),
      (t) => t.apply(said(2, 2)),
      (t) => t.patch({ id: 'g', item: item({ head: 2, read: 2, unread: 0 }) }),
    ],
    unread: 0,
  },
  {
    why: 'an entry behind a read mark that came before it is read',
    steps: [(t) => t.raiseRead(2), (t) => t.apply(said(1, 1)), (t) => t.apply(said(2, 2)), (t) => t.apply(said(3, 3))],
    unread: 1,
  },
  {
    why: 'an answer tells of entries that are still to come: those of others are unread when they do',
    steps: [
      (t) => t.apply(said(1, 1)),
      (t) => t.raiseRead(1),
      (t) => t.heard(4),
      (t) => t.apply(said(2, 2)),
      (t) => t.apply(said(3, 3)),
    ],
    unread: 2,
  },
  {
    why: 'it outlives a restart',
    steps: [
      (t) => t.apply(said(1, 1)),
      (t) => t.apply(said(2, 2)),
      (t) => t.raiseRead(1, 1),
      (t) => t.restore(JSON.parse(JSON.stringify(t.row()))),
      (t) => t.apply(said(3, 3)),
    ],
    unread: 2,
  },
];

describe('unread', () => {
  it.each(table)('$why', ({ steps, unread: want }) => {
    const talk = new Talk('g', () => 'alice');
    for (const step of steps) step(talk);
    expect(unread(talk)).toBe(want);
  });
});

describe('a conversation', () => {
  const talk = () => new Talk('g', () => 'alice');

  it('shows the last message as it stands, not as it came', () => {
    const t = talk();
    t.apply(said(1, 1));
    t.apply({ ...said(2, 1), kind: 'edited', target: 1, body: 'better' });
    expect(t.summary(0, 0).lastPreview).toBe('better');
    t.apply({ ...said(3, 1), kind: 'deleted', target: 1, body: '' });
    expect(t.summary(0, 0).lastPreview).toBe('');
  });

  it('knows whether the user is still in it', () => {
    const t = talk();
    t.apply({ ...said(1, 0), kind: 'members_removed', users: ['alice'] });
    expect(t.summary(0, 0).left).toBe(true);
    t.apply({ ...said(2, 0), kind: 'members_added', members: [{ user: 'alice', role: 'member' }] });
    expect(t.summary(0, 0).left).toBe(false);
  });

  it('composes after what is known, by entries, the inbox or an answer', () => {
    const t = talk();
    expect(t.known).toBeUndefined();
    t.patch({ id: 'g', item: item({ head: 5 }) });
    expect(t.known).toBe(5);
    t.heard(6);
    expect(t.known).toBe(6);
    t.apply(said(9, 9));
    expect(t.known).toBe(9);
  });

  it('has the same summary until something in it changes', () => {
    const t = talk();
    t.apply(said(1, 1));
    const before = t.summary(0, 0);
    expect(t.summary(0, 0)).toBe(before);
    expect(t.summary(1, 0)).not.toBe(before);
  });

  it('keeps receipts that only rise', () => {
    const t = talk();
    t.receipt('bob', 5, 3);
    t.receipt('bob', 4, undefined);
    t.receipt('bob', undefined, 7);
    expect(t.receipts.get('bob')).toEqual({ delivered: 7, read: 7 });
  });
});

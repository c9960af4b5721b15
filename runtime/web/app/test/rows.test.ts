import type { Item, Notice } from '@chatcluster/client';
import { describe, expect, it } from 'vitest';
import { noticeText, rowsOf } from '../src/conversation/rows';
import { statusOf } from '../src/conversation/status';
import { dayOf } from '../src/ui/time';
import { message, summary } from './fakeClient';

const noon = new Date(2026, 10, 20, 12).getTime();
const minute = 60_000;
const at = (seq: number, minutes: number, sender = 'bob'): Item =>
  message(seq, { atMs: noon + minutes * minute, sender, own: sender === 'alice' });

describe('rows', () => {
  it('put what one person says in a row together', () => {
    const rows = rowsOf([at(1, 0), at(2, 1), at(3, 2, 'carol'), at(4, 3), at(5, 60)], false, undefined);
    expect(rows.flatMap((r) => (r.is === 'message' ? [[r.first, r.last]] : []))).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
      [true, true],
    ]);
  });

  it('begin each day with its name, and keep their keys when older ones come', () => {
    const late = [at(3, 24 * 60), at(4, 24 * 60 + 1)];
    const all = [at(1, 0), at(2, 24 * 60 - 5), ...late];
    expect(rowsOf(all, false, undefined).map((r) => r.is)).toEqual([
      'start',
      'day',
      'message',
      'day',
      'message',
      'message',
      'message',
    ]);
    const before = rowsOf(late, true, undefined).flatMap((r) => (r.key.startsWith('#') ? [] : [r.key]));
    expect(
      rowsOf(all, false, undefined)
        .map((r) => r.key)
        .slice(-2),
    ).toEqual(before);
    expect(new Set(rowsOf(all, false, undefined).map((r) => r.key)).size).toBe(7);
  });

  it('say once where the unread ones of others begin', () => {
    const rows = rowsOf([at(1, 0), at(2, 1), at(3, 2, 'alice'), at(4, 3), at(5, 4)], false, 2);
    expect(rows.map((r) => r.key)).toEqual([
      '#start',
      expect.stringContaining('#day'),
      'm-1',
      'm-2',
      'm-3',
      '#new',
      'm-4',
      'm-5',
    ]);
  });
});

describe('a notice', () => {
  const notice = (change: Partial<Notice>): Notice => ({
    kind: 'members_added',
    key: 'n',
    conversation: 'g',
    seq: 1,
    sender: 'alice',
    atMs: noon,
    members: [],
    users: [],
    title: '',
    ...change,
  });
  const members = [
    { user: 'bob', role: 'member' as const },
    { user: 'carol', role: 'member' as const },
  ];
  it.each([
    [notice({ members }), 'bob', 'alice added you and carol'],
    [notice({ members: [{ user: 'alice', role: 'owner' }] }), 'bob', 'alice started the conversation'],
    [notice({ kind: 'members_removed', users: ['alice'] }), 'bob', 'alice left'],
    [notice({ kind: 'members_removed', users: ['bob'] }), 'alice', 'You removed bob'],
    [notice({ kind: 'role_changed', members: [{ user: 'bob', role: 'admin' }] }), 'bob', 'alice made you an admin'],
    [notice({ kind: 'renamed', title: '<i>Team</i>' }), 'bob', 'alice renamed the group to “<i>Team</i>”'],
  ])('is a sentence', (it, me, text) => expect(noticeText(it, me)).toBe(text));
});

describe('the status of a message', () => {
  const mine = message(5, { sender: 'alice' });
  const of = (receipts: [string, { delivered: number; read: number }][], group = false): string =>
    statusOf(
      mine,
      { receipts: new Map(receipts), summary: summary(group ? { kind: 'group' } : {}) },
      group
        ? ['alice', 'bob', 'carol'].map((user) => ({ user, role: 'member', joined: user === 'carol' ? 9 : 1 }))
        : undefined,
      'alice',
    );
  it('follows the marks of the other', () => {
    expect(of([])).toBe('Sent');
    expect(of([['bob', { delivered: 4, read: 4 }]])).toBe('Sent');
    expect(of([['bob', { delivered: 5, read: 4 }]])).toBe('Delivered');
    expect(of([['bob', { delivered: 0, read: 6 }]])).toBe('Read');
    expect(of([['alice', { delivered: 9, read: 9 }]])).toBe('Sent');
  });
  it('waits for all who were there', () => {
    expect(of([['bob', { delivered: 5, read: 5 }]], true)).toBe('Read');
    expect(of([['carol', { delivered: 9, read: 9 }]], true)).toBe('Sent');
  });
  it('is what becomes of it before it is sent', () => {
    const about = { receipts: new Map(), summary: summary() };
    expect(statusOf({ ...mine, state: 'pending' }, about, undefined, 'alice')).toBe('Sending');
    expect(statusOf({ ...mine, state: 'failed' }, about, undefined, 'alice')).toBe('Failed');
  });
});

it('a day is named as people do', () => {
  expect(dayOf(noon, noon + minute)).toBe('Today');
  expect(dayOf(noon, noon + 13 * 60 * minute)).toBe('Yesterday');
  expect(dayOf(noon, noon + 3 * 24 * 60 * minute)).toBe(
    new Intl.DateTimeFormat(undefined, { weekday: 'long' }).format(noon),
  );
});

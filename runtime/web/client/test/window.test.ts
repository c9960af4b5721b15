import { describe, expect, it } from 'vitest';
import { Window } from '../src/window.js';
import type { Entry } from '../src/wire.js';

const said = (seq: number, body = `m${seq}`): Entry => ({
  seq,
  sender: 'bob',
  at_ms: seq,
  count: seq,
  kind: 'message',
  body,
});
const edited = (seq: number, target: number, body: string): Entry => ({ ...said(seq, body), kind: 'edited', target });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => said(from + i));
const shown = (w: Window) => w.rows.map(({ entry }) => `${entry.seq} ${entry.body}`);
const run = (after: number, entries: Entry[], position = entries.at(-1)?.seq ?? after) => ({
  conversation: 'g',
  after,
  entries,
  position,
});

describe('a window', () => {
  it('applies changes in the order of their seqs to messages that are paged after them', () => {
    const w = new Window(100);
    w.reset([said(9), edited(10, 1, 'third')], 9, 10, true, true);
    w.prepend([said(5), edited(6, 1, 'second')], 5, true);
    w.prepend([said(1), edited(2, 1, 'first')], 1, false);
    expect(shown(w)).toEqual(['1 third', '5 m5', '9 m9']);
  });

  it('is bounded at its old end while entries come', () => {
    const w = new Window(10);
    w.reset(range(1, 10), 1, 10, false, true);
    for (const e of range(11, 40)) w.apply(run(e.seq - 1, [e]));
    expect(w.rows.length).toBeLessThanOrEqual(11);
    expect(w.rows.at(-1)?.entry.seq).toBe(40);
    expect(w.older).toBe(true);
    expect(w.low).toBe(w.rows[0]?.entry.seq);
  });

  it('is bounded at its new end while older ones are paged, and then follows nothing', () => {
    const w = new Window(10);
    w.reset(range(41, 50), 41, 50, true, true);
    w.prepend(range(31, 40), 31, true);
    expect(shown(w)).toEqual(range(31, 40).map((e) => `${e.seq} ${e.body}`));
    expect(w.attached).toBe(false);
    w.apply(run(50, [said(51), edited(52, 35, 'better')]));
    expect(w.get(51)).toBeUndefined();
    expect(w.get(35)?.entry.body).toBe('better');
    w.append(range(41, 45), 45);
    expect(w.top).toBe(45);
  });

  it('says that something is missing, instead of showing a hole', () => {
    const w = new Window(10);
    w.reset(range(1, 3), 1, 3, false, true);
    expect(w.apply(run(5, [said(6)]))).toBe(false);
    expect(w.attached).toBe(false);
  });

  it('takes a copy only when the server has folded it far enough', () => {
    const w = new Window(10);
    const verdict = { action: 'mask', processor: 'profanity' };
    w.reset([said(1, 'damn'), { ...said(2), kind: 'verdict', target: 1, verdict }], 1, 2, false, true);
    expect([...w.incomplete.keys()]).toEqual([1]);
    w.replace(said(1, 'damn'), false);
    expect(w.get(1)?.entry.body).toBe('');
    w.apply(run(2, [{ ...said(3), kind: 'reacted', target: 1, emoji: '👍' }]));
    w.replace({ ...said(1, '****'), folded: 2, verdict }, false);
    expect(w.get(1)?.entry).toMatchObject({ body: '****', reactions: [{ emoji: '👍', users: ['bob'] }] });
    expect(w.incomplete.size).toBe(0);
  });

  it('keeps rows that did not change', () => {
    const w = new Window(10);
    w.reset(range(1, 3), 1, 3, false, true);
    const before = w.rows[0]?.entry;
    w.apply(run(3, [said(4), edited(5, 2, 'x')]));
    expect(w.rows[0]?.entry).toBe(before);
  });
});

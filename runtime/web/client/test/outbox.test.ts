import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusedError } from '../src/errors.js';
import { type Item, itemOf, Outbox, storedOf } from '../src/outbox.js';

const item = (id: string, conversation = 'g'): Item => ({
  ...{ id, conversation, change: { type: 'send', body: id }, atMs: 1 },
  ...{ order: Number(id) || 0, afterSeq: undefined, kept: true, attempts: 0 },
});
const names = (box: Outbox) => box.take().frames.map((f) => ('client_msg_id' in f ? f.client_msg_id : ''));

describe('the outbox', () => {
  let box: Outbox;
  beforeEach(() => {
    vi.useFakeTimers();
    box = new Outbox(() => 0);
    return () => vi.useRealTimers();
  });

  it('sends only what the storage has, and what is behind it waits', () => {
    const first = { ...item('1'), kept: false };
    box.add(first);
    box.add(item('2'));
    expect(names(box)).toEqual([]);
    first.kept = true;
    expect(names(box)).toEqual(['1', '2']);
  });

  it('goes back to the refused one after the hint, once, whatever is refused behind it', () => {
    for (const id of ['1', '2', '3']) box.add(item(id));
    names(box);
    box.settle('1', { seq: 1, at_ms: 1 }, 0);
    box.back('2', 500);
    box.back('3', 9000);
    expect(box.take()).toEqual({ frames: [], againMs: 500 });
    vi.advanceTimersByTime(500);
    expect(names(box)).toEqual(['2', '3']);
  });

  it('sends nothing again of which the answer is to come: a late refusal belongs to the first time', () => {
    for (const id of ['1', '2', '3']) box.add(item(id));
    names(box);
    box.back('1', 500);
    vi.advanceTimersByTime(500);
    expect(names(box)).toEqual(['1']);
    box.back('2', 9000);
    expect(names(box)).toEqual(['2']);
    box.back('3', 9000);
    expect(names(box)).toEqual(['3']);
  });

  it('counts what is behind a refused one as in the air until it has its answer', () => {
    for (let i = 1; i <= 50; i++) box.add(item(String(i)));
    box.add(item('51', 'elsewhere'));
    expect(names(box)).toHaveLength(48);
    box.back('1', 500);
    expect(names(box)).toEqual(['51']);
    for (let i = 2; i <= 48; i++) box.back(String(i), 500);
    vi.advanceTimersByTime(500);
    expect(names(box)).toHaveLength(47);
  });

  it('waits longer with each refusal in a row, up to five seconds, a random part of it', () => {
    const jittered = new Outbox(() => 1);
    jittered.add(item('1'));
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      jittered.take();
      jittered.back('1', 0);
      const { againMs } = jittered.take();
      waits.push(againMs);
      vi.advanceTimersByTime(againMs ?? 0);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  });

  it('has no more than 48 in the air over all conversations', () => {
    for (let i = 0; i < 100; i++) box.add(item(String(i), `g-${i % 3}`));
    expect(names(box)).toHaveLength(48);
    box.settle('0', { seq: 1, at_ms: 1 }, 0);
    expect(names(box)).toHaveLength(1);
    box.rewind();
    expect(names(box)).toHaveLength(48);
  });

  it('keeps what failed for good until it is retried, which puts it behind the others', () => {
    for (const id of ['1', '2']) box.add(item(id));
    names(box);
    box.fail('1', new RefusedError('muted', '', 60_000));
    expect(box.shown('g').failed.map((i) => i.id)).toEqual(['1']);
    box.retry('1');
    expect(names(box)).toEqual(['1']);
    expect(box.shown('g').waiting.map((i) => i.id)).toEqual(['2', '1']);
  });

  it('shows what has its answer until the conversation has come as far', () => {
    box.add(item('1'));
    names(box);
    box.settle('1', { seq: 5, at_ms: 1 }, 3);
    expect(box.shown('g').acked.map((i) => i.id)).toEqual(['1']);
    box.advance('g', 4);
    expect(box.get('1')).toBeDefined();
    box.advance('g', 5);
    expect(box.get('1')).toBeUndefined();
  });

  it('forgets at once what has its answer where its entry was before', () => {
    box.add(item('1'));
    names(box);
    box.landed('1');
    box.settle('1', { seq: 5, at_ms: 1 }, 0);
    expect(box.get('1')).toBeUndefined();
  });

  const removals: { why: string; do: () => void; want: string }[] = [
    { why: 'what was never sent can be taken back', do: () => {}, want: 'yes' },
    { why: 'what is on the wire cannot', do: () => names(box), want: 'no' },
    {
      why: 'the one that the gate waits for can, with a new connection',
      do: () => {
        names(box);
        box.back('1', 1000);
      },
      want: 'gated',
    },
    {
      why: 'what failed can',
      do: () => {
        names(box);
        box.fail('1', new RefusedError('muted'));
      },
      want: 'yes',
    },
    {
      why: 'what has its answer cannot',
      do: () => {
        names(box);
        box.settle('1', { seq: 1, at_ms: 1 }, 0);
      },
      want: 'no',
    },
    {
      why: 'what may have been sent by an earlier connection cannot',
      do: () => {
        names(box);
        box.rewind();
      },
      want: 'no',
    },
  ];
  it.each(removals)('$why', ({ do: act, want }) => {
    box.add(item('1'));
    act();
    expect(box.removable('1')).toBe(want);
  });

  it('is the same after a restart', () => {
    const failed = { ...item('1'), error: new RefusedError('muted', 'until noon', 5) };
    const back = itemOf(JSON.parse(JSON.stringify(storedOf(failed))));
    expect(back).toMatchObject({
      id: '1',
      change: failed.change,
      kept: true,
      error: { code: 'muted', retryAfterMs: 5 },
    });
  });

  it('stops at one whose fate is looked up', () => {
    for (const id of ['1', '2']) box.add(item(id));
    names(box);
    expect(box.pause('1')?.id).toBe('1');
    expect(box.pause('1')).toBeUndefined();
    expect(names(box)).toEqual([]);
    box.resume('g');
    // The answer to the second is still to come.
    expect(names(box)).toEqual(['1']);
    expect(box.settle('2', { seq: 1, at_ms: 1 }, 0)).toBeDefined();
    expect(names(box)).toEqual([]);
  });
});

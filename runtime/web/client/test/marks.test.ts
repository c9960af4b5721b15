import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Marks } from '../src/marks.js';

describe('marks', () => {
  let marks: Marks;
  beforeEach(() => {
    vi.useFakeTimers();
    marks = new Marks();
    return () => vi.useRealTimers();
  });
  const take = () => {
    vi.advanceTimersByTime(1000);
    return marks.take().frames;
  };

  it('are collected for a moment', () => {
    marks.raise('g', 1, 0);
    marks.raise('g', 2, 1);
    expect(marks.take()).toEqual({ frames: [], againMs: 100 });
    expect(take()).toEqual([
      { type: 'delivered', conversation: 'g', seq: 2 },
      { type: 'read', conversation: 'g', seq: 1 },
    ]);
    expect(take()).toEqual([]);
  });

  it('only rise', () => {
    marks.raise('g', 5, 5);
    take();
    marks.raise('g', 3, 3);
    expect(take()).toEqual([]);
  });

  it('are told again to a new connection, those that changed since the one before', () => {
    marks.raise('g', 5, 0);
    take();
    marks.rewind();
    expect(take()).toHaveLength(1);
    marks.rewind();
    expect(take()).toHaveLength(1);
  });

  it('are told again when the server has sent the entries once more', () => {
    marks.raise('g', 5, 0);
    take();
    marks.raise('g', 5, 0, true);
    expect(take()).toHaveLength(1);
  });

  it('of many conversations are spread, for the gateway reads 200 frames a second', () => {
    for (let i = 0; i < 120; i++) marks.raise(`g-${i}`, 1, 1);
    expect([take().length, take().length, take().length, take().length]).toEqual([100, 100, 40, 0]);
  });

  it('are all told at the end', () => {
    for (let i = 0; i < 120; i++) marks.raise(`g-${i}`, 1, 0);
    expect(marks.take(true).frames).toHaveLength(120);
  });
});

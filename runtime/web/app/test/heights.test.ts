import { describe, expect, it } from 'vitest';
import { Heights } from '../src/conversation/heights';

const keys = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `k${from + i}`);

describe('the heights of rows', () => {
  it('are guessed until they are measured', () => {
    const heights = new Heights(50);
    heights.rows(keys(0, 4));
    expect(heights.total).toBe(200);
    heights.measure('k0', 100);
    heights.measure('k1', 20);
    expect(heights.total).toBe(120 + 2 * 60);
    expect(heights.top(2)).toBe(120);
  });

  it('stay with their rows when others are put in front', () => {
    const heights = new Heights(50);
    heights.rows(keys(10, 14));
    for (const [i, key] of keys(10, 14).entries()) heights.measure(key, 10 + i);
    heights.rows(keys(8, 14));
    heights.measure('k8', 5);
    heights.measure('k9', 5);
    expect(heights.top(2)).toBe(10);
    expect(heights.total).toBe(10 + 10 + 11 + 12 + 13);
  });

  it('say which rows show', () => {
    const heights = new Heights(10);
    heights.rows(keys(0, 100));
    for (const key of keys(0, 100)) heights.measure(key, 10);
    expect(heights.span(95, 130)).toEqual({ first: 9, last: 14, above: 90, below: 860 });
    expect(heights.span(-50, 5)).toMatchObject({ first: 0, last: 1, above: 0 });
    expect(heights.span(2000, 3000)).toMatchObject({ first: 99, last: 100, below: 0 });
  });

  it('of none are nothing', () => {
    const heights = new Heights(10);
    heights.rows([]);
    expect(heights.span(0, 100)).toEqual({ first: 0, last: 0, above: 0, below: 0 });
  });

  it('are no news when they are the same', () => {
    const heights = new Heights(10);
    heights.rows(keys(0, 2));
    expect(heights.measure('k0', 30)).toBe(true);
    expect(heights.measure('k0', 30.2)).toBe(false);
    expect(heights.measure('k0', 31)).toBe(true);
  });

  it('agree with a plain sum, whatever is measured', () => {
    const heights = new Heights(40);
    const all = keys(0, 500);
    heights.rows(all);
    for (const [i, key] of all.entries()) if (i % 3) heights.measure(key, 10 + ((i * 37) % 90));
    const measured = all.flatMap((_, i) => (i % 3 ? [10 + ((i * 37) % 90)] : []));
    const mean = measured.reduce((a, b) => a + b) / measured.length;
    let top = 0;
    all.forEach((_, i) => {
      expect(heights.top(i)).toBeCloseTo(top, 6);
      expect(heights.at(top + 1)).toBe(i);
      top += i % 3 ? 10 + ((i * 37) % 90) : mean;
    });
  });
});

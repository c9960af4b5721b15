import type { Heights } from './heights';

/** What is held in place when rows come, go or change: the end, or how far the bottom of a row is above the top of the list. */
export type Anchor = { key: string; offset: number } | 'end';

/** Whether something is said in a row. Furniture, whose key begins with `#`, comes and goes. */
export const solid = (key: string | undefined): key is string => key !== undefined && !key.startsWith('#');

const rowsIn = (rows: HTMLElement | null): Iterable<HTMLElement> => (rows?.children ?? []) as Iterable<HTMLElement>;

export function rowOf(rows: HTMLElement | null, key: string): HTMLElement | undefined {
  for (const row of rowsIn(rows)) if (row.dataset.key === key) return row;
  return undefined;
}

/** Measures what is rendered; true when that is news. */
export function measureRows(rows: HTMLElement | null, heights: Heights): boolean {
  let news = false;
  for (const row of rowsIn(rows))
    news = heights.measure(row.dataset.key ?? '', row.getBoundingClientRect().height) || news;
  return news;
}

/** The first row that shows, as it is laid out. */
export function shownAnchor(list: HTMLElement, rows: HTMLElement | null): Anchor | undefined {
  const frame = list.getBoundingClientRect();
  for (const row of rowsIn(rows)) {
    const { key } = row.dataset;
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > frame.top && solid(key)) return top < frame.bottom ? { key, offset: frame.top - bottom } : undefined;
  }
  return undefined;
}

/** How far the anchor's row is below where it is held. */
export function driftOf(list: HTMLElement, rows: HTMLElement | null, held: Exclude<Anchor, 'end'>): number {
  const row = rowOf(rows, held.key);
  return row ? row.getBoundingClientRect().bottom - list.getBoundingClientRect().top + held.offset : 0;
}

/** The row that is about to show where nothing is rendered yet. */
export function guessedAnchor(list: HTMLElement, keys: readonly string[], heights: Heights): Anchor {
  const from = heights.at(list.scrollTop);
  const index = keys.findIndex((key, i) => i >= from && solid(key));
  const key = keys[index];
  return key === undefined ? 'end' : { key, offset: list.scrollTop - heights.top(index + 1) };
}

/** Where an arrow, Home or End leads from a row. */
export function nextRow(keys: readonly string[], from: number, key: string): number | undefined {
  const step = { ArrowUp: -1, ArrowDown: 1, Home: 1, End: -1 }[key];
  if (step === undefined) return undefined;
  let index = key === 'Home' ? 0 : key === 'End' ? keys.length - 1 : from + step;
  while (keys[index] !== undefined && !solid(keys[index])) index += step;
  return keys[index] === undefined ? undefined : index;
}

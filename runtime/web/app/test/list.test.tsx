import { cleanup, fireEvent, render } from '@testing-library/preact';
import { createRef, type VNode } from 'preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nextRow } from '../src/conversation/anchor';
import { type ListHandle, VirtualList } from '../src/conversation/VirtualList';

/** A layout for a document that has none: rows are as high as their number says, the list shows 400 pixels. */
const view = 400;
/** What stands around the rows, of which the list is not told. */
const padding = 8;
const heightOf = (key: string): number => 20 + ((Number(key.slice(1)) * 37) % 60);
const rowsOf = (list: Element): HTMLElement[] => Array.from(list.querySelectorAll<HTMLElement>('[data-key]'));
const spacer = (list: Element, last: boolean): number =>
  Number.parseFloat(((last ? list.lastElementChild : list.firstElementChild) as HTMLElement).style.height);
const contentOf = (list: Element): number =>
  2 * padding +
  spacer(list, false) +
  rowsOf(list).reduce((sum, row) => sum + heightOf(row.dataset.key ?? ''), 0) +
  spacer(list, true);

let scrolled = 0;
function layOut(): void {
  scrolled = 0;
  const list = (): Element => document.querySelector('[role=log]') as Element;
  const define = (name: string, get: (this: Element) => number, set?: (value: number) => void): void => {
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get, ...(set ? { set } : {}) });
  };
  define('clientHeight', () => view);
  define('scrollHeight', () => Math.max(view, contentOf(list())));
  define(
    'scrollTop',
    () => scrolled,
    (value) => {
      const before = scrolled;
      scrolled = Math.max(0, Math.min(value, contentOf(list()) - view));
      if (scrolled !== before) setTimeout(() => list()?.dispatchEvent(new Event('scroll')));
    },
  );
  vi.spyOn(HTMLElement.prototype, 'getBoundingClientRect').mockImplementation(function (this: HTMLElement) {
    const key = this.dataset.key;
    if (!key) return new DOMRect(0, 0, 300, view);
    let top = padding + spacer(list(), false) - scrolled;
    for (const row of rowsOf(list())) {
      if (row === this) break;
      top += heightOf(row.dataset.key ?? '');
    }
    return new DOMRect(0, top, 300, heightOf(key));
  });
}

const keys = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `k${from + i}`);
const handle = createRef<ListHandle>();
let asked = 0;
let ends: boolean[] = [];

const List = ({ all, tail = true }: { all: string[]; tail?: boolean }): VNode => (
  <VirtualList
    label="Messages"
    keys={all}
    row={(i) => <span>{all[i]}</span>}
    name={(i) => all[i]}
    active={all.at(-1)}
    onActive={() => undefined}
    tail={tail}
    onTop={() => asked++}
    onBottom={() => undefined}
    onShown={(_, end) => ends.push(end)}
    handle={handle}
  />
);
const list = (): HTMLElement => document.querySelector('[role=log]') as HTMLElement;
const topOf = (key: string): number | undefined =>
  rowsOf(list())
    .find((row) => row.dataset.key === key)
    ?.getBoundingClientRect().top;
const atEnd = (): boolean => Math.abs(contentOf(list()) - view - scrolled) < 1;
function scrollTo(top: number): void {
  list().scrollTop = top;
  fireEvent.scroll(list());
}
/** Lets the list render and scroll until it has nothing more to do. */
async function rest(): Promise<void> {
  let before = -1;
  for (let calm = 0; calm < 3; calm = scrolled === before ? calm + 1 : 0) {
    before = scrolled;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const firstShown = (): string => {
  const row = rowsOf(list()).find((r) => r.getBoundingClientRect().bottom > 1);
  return row?.dataset.key ?? '';
};

beforeEach(() => {
  asked = 0;
  ends = [];
  layOut();
});
afterEach(() => {
  cleanup();
  for (const name of ['clientHeight', 'scrollHeight', 'scrollTop']) Reflect.deleteProperty(HTMLElement.prototype, name);
});

describe('the list', () => {
  it('begins at its end, with few of many rows', () => {
    render(<List all={keys(0, 10_000)} />);
    expect(atEnd()).toBe(true);
    expect(topOf('k9999')).toBeDefined();
    expect(rowsOf(list()).length).toBeLessThan(60);
  });

  it('stays at the end when something comes', async () => {
    const { rerender } = render(<List all={keys(0, 100)} />);
    rerender(<List all={keys(0, 103)} />);
    await vi.waitFor(() => expect(topOf('k102')).toBeDefined());
    expect(atEnd()).toBe(true);
  });

  it('stays where the reader is when older rows are put in front', async () => {
    const { rerender } = render(<List all={keys(100, 200)} />);
    scrollTo(700);
    await vi.waitFor(() => expect(firstShown()).not.toBe(''));
    const key = firstShown();
    const top = topOf(key);
    rerender(<List all={keys(50, 200)} />);
    await vi.waitFor(() => expect(topOf(key)).toBeDefined());
    expect(Math.abs((topOf(key) ?? 0) - (top ?? 0))).toBeLessThan(1);
    rerender(<List all={keys(0, 200)} />);
    await vi.waitFor(() => expect(topOf(key)).toBeDefined());
    expect(Math.abs((topOf(key) ?? 0) - (top ?? 0))).toBeLessThan(1);
  });

  it('stays where the reader is when something comes below', async () => {
    const { rerender } = render(<List all={keys(0, 200)} />);
    scrollTo(1500);
    const key = firstShown();
    const top = topOf(key);
    rerender(<List all={keys(0, 230)} />);
    await vi.waitFor(() => expect(topOf(key)).toBeDefined());
    expect(Math.abs((topOf(key) ?? 0) - (top ?? 0))).toBeLessThan(1);
    expect(ends.at(-1)).toBe(false);
  });

  it('stays where the reader stopped, however often it is rendered', async () => {
    const { rerender } = render(<List all={keys(0, 500)} />);
    await rest();
    const ended = scrolled;
    scrollTo(ended - 5000);
    const [key, top] = [firstShown(), topOf(firstShown())];
    for (let n = 0; n < 5; n++) {
      rerender(<List all={keys(0, 500)} />);
      await rest();
    }
    expect(Math.abs((topOf(key) ?? 0) - (top ?? 0))).toBeLessThan(1);
  });

  it('asks for older rows near its beginning', () => {
    render(<List all={keys(0, 200)} />);
    expect(asked).toBe(0);
    scrollTo(10);
    expect(asked).toBeGreaterThan(0);
  });

  it('does not hold on to an end that is not the last', () => {
    render(<List all={keys(0, 200)} tail={false} />);
    scrollTo(10);
    scrollTo(1e9);
    expect(ends.at(-1)).toBe(false);
  });

  it('is at its end when a row that is shown is so near that nothing is left to scroll', async () => {
    render(<List all={keys(0, 200)} />);
    await rest();
    handle.current?.show('k198', false);
    await rest();
    expect(atEnd()).toBe(true);
    expect(ends.at(-1)).toBe(true);
  });

  it('goes back to its end', async () => {
    render(<List all={keys(0, 300)} />);
    scrollTo(100);
    await vi.waitFor(() => expect(topOf('k299')).toBeUndefined());
    handle.current?.toEnd();
    await vi.waitFor(() => expect(topOf('k299')).toBeDefined());
    expect(atEnd()).toBe(true);
  });

  it('walks from row to row with the arrow keys, and gives the focus to rows that were not rendered', async () => {
    render(<List all={keys(0, 300)} />);
    list().focus();
    fireEvent.keyDown(list(), { key: 'Home' });
    await vi.waitFor(() => expect((document.activeElement as HTMLElement).dataset.key).toBe('k0'));
    expect(topOf('k0')).toBeGreaterThanOrEqual(0);
  });
});

it.each([
  ['ArrowUp', 3, 1],
  ['ArrowUp', 1, undefined],
  ['ArrowDown', 1, 3],
  ['ArrowDown', 3, undefined],
  ['Home', 3, 1],
  ['End', 1, 3],
  ['Enter', 1, undefined],
])('%s leads from row %i to row %s, past what is not said', (key, from, to) => {
  expect(nextRow(['#day', 'k1', '#new', 'k3', '#end'], from, key)).toBe(to);
});

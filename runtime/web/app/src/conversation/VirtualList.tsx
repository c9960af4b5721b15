import type { RefObject, VNode } from 'preact';
import { useEffect, useImperativeHandle, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import { Heights, type Span } from './heights';

/** What is held in place when rows come, go or change: the end, or the bottom of a row. */
type Anchor = { key: string; offset: number } | 'end';

export interface ListHandle {
  toEnd(): void;
  /** Brings a row into the middle, and gives it the focus if asked. */
  show(key: string, focus: boolean): void;
}

interface Props {
  label: string;
  /** The rows in order. Those that begin with `#` are furniture: nothing is anchored or focused there. */
  keys: readonly string[];
  row(index: number, active: boolean): VNode;
  /** What a row is called; undefined for furniture. */
  name(index: number): string | undefined;
  active: string | undefined;
  onActive(key: string): void;
  /** Whether the last row is the last of all: only then does the list stay at its end. */
  tail: boolean;
  /** Near the beginning, or the end, of what there is. */
  onTop(): void;
  onBottom(): void;
  /** The last row that shows, and whether that is the end. */
  onShown(key: string | undefined, atEnd: boolean): void;
  handle: RefObject<ListHandle | null>;
}

const overscan = 600;
const near = 8;
const solid = (key: string | undefined): key is string => key !== undefined && !key.startsWith('#');

/** Renders the rows that show and holds what the reader looks at in place. It begins at the end. */
export function VirtualList(props: Props): VNode {
  const { keys } = props;
  const box = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const heights = useRef(new Heights(64));
  const anchor = useRef<Anchor>('end');
  const drawn = useRef<Span>({ first: 0, last: 0, above: 0, below: 0 });
  const wanted = useRef<string | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [, redraw] = useReducer((n: number) => n + 1, 0);

  heights.current.rows(keys);
  const view = (): number => box.current?.clientHeight || 800;

  /** Where the list should be scrolled to, as far as heights are known. */
  const target = (): number => {
    const held = anchor.current;
    const index = held === 'end' ? -1 : latest.current.keys.indexOf(held.key);
    if (held === 'end' || index < 0) return Math.max(0, heights.current.total - view());
    return Math.max(0, heights.current.top(index + 1) + held.offset);
  };
  const visible = (): Span => {
    const top = target();
    return heights.current.span(top - overscan, top + view() + overscan);
  };
  const span = visible();
  drawn.current = span;

  const rowOf = (key: string): HTMLElement | undefined =>
    Array.from(rows.current?.children ?? []).find((r): r is HTMLElement => (r as HTMLElement).dataset.key === key);

  /** Measures what is rendered, then scrolls so that the anchor is where it was. */
  const settle = (): void => {
    const list = box.current;
    if (!list) return;
    let news = false;
    for (const child of rows.current?.children ?? []) {
      const key = (child as HTMLElement).dataset.key ?? '';
      news = heights.current.measure(key, child.getBoundingClientRect().height) || news;
    }
    const held = anchor.current;
    const row = held === 'end' ? undefined : rowOf(held.key);
    if (held === 'end') list.scrollTop = list.scrollHeight;
    else if (row) {
      const drift = row.getBoundingClientRect().bottom - list.getBoundingClientRect().top + held.offset;
      if (Math.abs(drift) >= 1) list.scrollTop += drift;
    }
    if (news) redraw(0);
    else if (wanted.current) {
      const focused = rowOf(wanted.current);
      wanted.current = undefined;
      focused?.focus({ preventScroll: true });
    }
    report();
  };
  useLayoutEffect(settle);

  const report = (): void => {
    const list = box.current;
    if (!list) return;
    const last = heights.current.at(list.scrollTop + view() - 4);
    latest.current.onShown(latest.current.keys[last], anchor.current === 'end');
    if (list.scrollTop < overscan) latest.current.onTop();
    if (list.scrollHeight - list.scrollTop - list.clientHeight < overscan) latest.current.onBottom();
  };

  const onScroll = (): void => {
    const list = box.current;
    if (!list) return;
    if (latest.current.tail && list.scrollHeight - list.scrollTop - list.clientHeight <= near) anchor.current = 'end';
    else {
      const all = latest.current.keys;
      let index = heights.current.at(list.scrollTop);
      while (index < all.length - 1 && !solid(all[index])) index++;
      const key = all[index];
      if (key) anchor.current = { key, offset: list.scrollTop - heights.current.top(index + 1) };
    }
    const next = visible();
    const had = drawn.current;
    if (next.first < had.first || next.last > had.last || next.first - had.first > 20) {
      keepFocus(next);
      redraw(0);
    }
    report();
  };

  /** A row that is focused and goes hands the focus to the list. */
  const keepFocus = (next: Span): void => {
    const key = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('[data-key]')?.dataset.key;
    if (!key || !rowOf(key)) return;
    const index = latest.current.keys.indexOf(key);
    if (index < next.first || index >= next.last) box.current?.focus({ preventScroll: true });
  };

  useEffect(() => {
    const list = box.current;
    const inner = rows.current;
    if (!list || !inner || typeof ResizeObserver === 'undefined') return;
    let width = list.clientWidth;
    const observer = new ResizeObserver(() => {
      if (list.clientWidth !== width) {
        width = list.clientWidth;
        heights.current.forget();
      }
      settle();
    });
    observer.observe(list);
    observer.observe(inner);
    return () => observer.disconnect();
  }, []);

  const show = (index: number, middle: boolean, focus = true): void => {
    const key = latest.current.keys[index];
    const list = box.current;
    if (!list || !solid(key)) return;
    const row = rowOf(key)?.getBoundingClientRect();
    const frame = list.getBoundingClientRect();
    latest.current.onActive(key);
    if (focus) wanted.current = key;
    if (!row || middle || row.top < frame.top || row.bottom > frame.bottom) {
      const height = row?.height ?? heights.current.top(index + 1) - heights.current.top(index);
      const above = !middle && row && row.top < frame.top;
      anchor.current = { key, offset: above ? -height - 8 : middle ? -(view() + height) / 2 : 8 - view() };
    }
    redraw(0);
  };

  useImperativeHandle(props.handle, () => ({
    toEnd: () => {
      anchor.current = 'end';
      redraw(0);
    },
    show: (key, focus) => show(latest.current.keys.indexOf(key), true, focus),
  }));

  const onKeyDown = (event: KeyboardEvent): void => {
    const { keys: all, active } = latest.current;
    const from = event.target as HTMLElement;
    if (from !== box.current && from.dataset.key === undefined) return;
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const onRow = from.dataset.key !== undefined && active !== undefined;
    const start = onRow ? all.indexOf(active) : heights.current.at((box.current?.scrollTop ?? 0) + view() - 8) + 1;
    let index = Math.min(all.length - 1, Math.max(0, start + step));
    const towards = step === -Infinity || step > 0 ? 1 : -1;
    while (all[index] !== undefined && !solid(all[index])) index += towards * (step === Infinity ? -1 : 1);
    show(index, false);
  };

  return (
    <div
      ref={box}
      class="messages"
      role="log"
      aria-label={props.label}
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached and scrolled by keys
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: `${span.above}px` }} />
      <div ref={rows} class="messages-rows">
        {keys.slice(span.first, span.last).map((key, i) => {
          const index = span.first + i;
          const active = key === props.active;
          if (!solid(key)) {
            return (
              <div key={key} data-key={key}>
                {props.row(index, false)}
              </div>
            );
          }
          return (
            <article key={key} data-key={key} class="row" aria-label={props.name(index)} tabIndex={active ? 0 : -1}>
              {props.row(index, active)}
            </article>
          );
        })}
      </div>
      <div style={{ height: `${span.below}px` }} />
    </div>
  );
}

import type { RefObject, VNode } from 'preact';
import { useEffect, useImperativeHandle, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import {
  type Anchor,
  driftOf,
  rowOf as findRow,
  guessedAnchor,
  measureRows,
  nextRow,
  shownAnchor,
  solid,
} from './anchor';
import { Heights, type Span } from './heights';

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
  const visible = (around = overscan): Span => {
    const top = target();
    return heights.current.span(top - around, top + view() + around);
  };
  const span = visible();
  drawn.current = span;

  const rowOf = (key: string): HTMLElement | undefined => findRow(rows.current, key);

  const atBottom = (list: HTMLElement): boolean =>
    latest.current.tail && list.scrollHeight - list.scrollTop - list.clientHeight <= near;

  /** Measures what is rendered, then scrolls so that the anchor is where it was. */
  const settle = (): void => {
    const list = box.current;
    if (!list) return;
    const news = measureRows(rows.current, heights.current);
    const held = anchor.current;
    if (held === 'end') list.scrollTop = list.scrollHeight;
    else {
      const drift = driftOf(list, rows.current, held);
      if (Math.abs(drift) >= 1) list.scrollTop += drift;
    }
    if (!news && atBottom(list)) anchor.current = 'end';
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
    if (atBottom(list)) anchor.current = 'end';
    else anchor.current = shownAnchor(list, rows.current) ?? guessedAnchor(list, latest.current.keys, heights.current);
    const soon = visible(overscan / 3);
    if (soon.first < drawn.current.first || soon.last > drawn.current.last) {
      keepFocus(visible());
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
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const below = heights.current.at((box.current?.scrollTop ?? 0) + view() - 8) + 1;
    const index = nextRow(all, from === box.current || active === undefined ? below : all.indexOf(active), event.key);
    if (index === undefined) return;
    event.preventDefault();
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

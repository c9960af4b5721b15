import type { Item } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Icon } from '../ui/icons';

interface Props {
  items: readonly Item[];
  /** There are older messages that are not loaded. */
  older: boolean;
  find: string;
  onFind(text: string): void;
  onShow(key: string): void;
  onClose(): void;
}

/** Searches what is loaded of a conversation, from the newest back. */
export function Search({ items, older, find, onFind, onShow, onClose }: Props): VNode {
  const box = useRef<HTMLInputElement>(null);
  const [at, setAt] = useState(0);
  const matches = useMemo(() => {
    const needle = find.trim().toLocaleLowerCase();
    if (!needle) return [];
    return items
      .flatMap((i) => (i.kind === 'message' && i.body.toLocaleLowerCase().includes(needle) ? [i.key] : []))
      .reverse();
  }, [items, find]);

  useEffect(() => box.current?.focus(), []);
  useEffect(() => setAt(0), [find]);
  useEffect(() => {
    const key = matches[at];
    if (key) onShow(key);
  }, [find, at]);

  const move = (step: number): void => {
    if (matches.length > 0) setAt((had) => (had + step + matches.length) % matches.length);
  };
  const count = matches.length > 0 ? `${at + 1} of ${matches.length}` : find.trim() ? 'No match' : '';
  return (
    <search
      class="find"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onClose();
      }}
    >
      <input
        ref={box}
        type="search"
        class="input"
        aria-label="Search messages"
        placeholder={older ? 'Search in loaded messages' : 'Search messages'}
        value={find}
        onInput={(event) => onFind(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          move(event.shiftKey ? -1 : 1);
        }}
      />
      <span class="find-count" role="status" aria-label="Matches">
        {count}
      </span>
      <button
        type="button"
        class="icon-button"
        aria-label="Previous match"
        disabled={matches.length === 0}
        onClick={() => move(1)}
      >
        <Icon name="up" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label="Next match"
        disabled={matches.length === 0}
        onClick={() => move(-1)}
      >
        <Icon name="downwards" />
      </button>
      <button type="button" class="icon-button" aria-label="Close search" onClick={onClose}>
        <Icon name="close" />
      </button>
    </search>
  );
}

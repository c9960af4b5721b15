import type { Conversation, Item } from '@chatcluster/client';
import { useEffect, useRef } from 'preact/hooks';

/** Whether somebody looks at the page. */
const looked = (): boolean => document.visibilityState === 'visible' && document.hasFocus();

/** Marks as read what was shown while somebody looked. Returns what to tell of what shows. */
export function useRead(conversation: Conversation, items: readonly Item[]): (key: string | undefined) => void {
  const shown = useRef(0);
  const told = useRef(0);
  const seqs = useRef(new Map<string, number>());
  const indexed = useRef<readonly Item[] | undefined>(undefined);
  if (indexed.current !== items) {
    indexed.current = items;
    seqs.current = new Map(items.map((item) => [item.key, item.seq]));
  }
  const tell = (): void => {
    if (shown.current <= told.current || !looked()) return;
    told.current = shown.current;
    conversation.markRead(shown.current);
  };
  useEffect(() => {
    addEventListener('focus', tell);
    document.addEventListener('visibilitychange', tell);
    return () => {
      removeEventListener('focus', tell);
      document.removeEventListener('visibilitychange', tell);
    };
  }, [conversation]);
  return (key) => {
    shown.current = Math.max(shown.current, seqs.current.get(key ?? '') ?? 0);
    tell();
  };
}

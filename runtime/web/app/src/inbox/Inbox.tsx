import type { Summary } from '@chatcluster/client';
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { titleOf } from '../chat/title';
import { useClient, useReadable } from '../chat/useReadable';
import { conversationHref, go, route } from '../route';
import { Icon, Mark } from '../ui/icons';
import { InboxRow } from './InboxRow';
import { NewConversation } from './NewConversation';

/** Whether the dialog for a new conversation is open. */
export const starting = signal(false);

/** How many direct conversations' peers are watched for presence. */
const watchedPeers = 50;

/** The list of conversations. */
export function Inbox(): VNode {
  const client = useClient();
  const { conversations, loaded, more, loading, error } = useReadable(client.inbox);
  const [find, setFind] = useState('');
  const [archived, setArchived] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  const shown = useMemo(() => matching(conversations, find, archived), [conversations, find, archived]);
  const here = route.value.at === 'conversation' ? route.value.id : undefined;

  const peers = conversations.flatMap((c) => (c.peer ? [c.peer] : [])).slice(0, watchedPeers);
  useEffect(() => client.watch(peers), [client, peers.join('\n')]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (document.querySelector('dialog[open]')) return;
      if (getComputedStyle(box.current as Element).display === 'none' || !box.current?.checkVisibility?.()) go('#/');
      requestAnimationFrame(() => {
        box.current?.focus();
        box.current?.select();
      });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const onScroll = (list: HTMLElement): void => {
    if (more && !loading && list.scrollHeight - list.scrollTop - list.clientHeight < 400) void client.inbox.loadMore();
  };
  const toggleArchived = (): void => {
    if (!archived) void client.inbox.loadArchived();
    setArchived(!archived);
  };
  const first = shown[0];

  return (
    <nav class="inbox" aria-label="Chats">
      <header class="bar">
        <Mark />
        <h1>Chats</h1>
        <button type="button" class="icon-button" aria-label="New conversation" onClick={() => (starting.value = true)}>
          <Icon name="compose" />
        </button>
        <button
          type="button"
          class="icon-button"
          aria-label="Settings"
          aria-pressed={route.value.at === 'settings'}
          onClick={() => go('#/settings')}
        >
          <Icon name="settings" />
        </button>
      </header>
      <search class="inbox-search">
        <Icon name="search" />
        <input
          ref={box}
          type="search"
          aria-label="Search"
          aria-keyshortcuts="Control+K Meta+K"
          placeholder="Search"
          value={find}
          onInput={(event) => setFind(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') {
              setFind('');
              box.current?.blur();
            } else if (event.key === 'Enter' && first && find) go(conversationHref(first.id));
            else if (event.key === 'ArrowDown') focusLink(event, 0);
          }}
        />
      </search>
      <div class="inbox-list" onScroll={(event) => onScroll(event.currentTarget)}>
        {error && !loaded && (
          <p class="strip error" role="alert">
            {explain(error)}{' '}
            <button type="button" class="text-button" onClick={() => void client.inbox.refresh()}>
              Try again
            </button>
          </p>
        )}
        <ul aria-label="Conversations" onKeyDown={arrows}>
          {shown.map((summary) => (
            <InboxRow
              key={summary.id}
              summary={summary}
              here={summary.id === here}
              tabbable={tabbable(shown, here, summary)}
            />
          ))}
        </ul>
        {shown.length === 0 && <Empty loaded={loaded} find={find} archived={archived} />}
        {loading && conversations.length > 0 && <p class="event">Loading…</p>}
      </div>
      <footer class="inbox-foot">
        <button type="button" class="text-button" aria-pressed={archived} onClick={toggleArchived}>
          {archived ? 'Back to all chats' : 'Archived chats'}
        </button>
      </footer>
      {starting.value && <NewConversation onClose={() => (starting.value = false)} />}
    </nav>
  );
}

function Empty({ loaded, find, archived }: { loaded: boolean; find: string; archived: boolean }): VNode {
  if (find) return <p class="inbox-empty">Nothing is called “{find}”.</p>;
  if (!loaded) return <p class="inbox-empty">Loading…</p>;
  if (archived) return <p class="inbox-empty">Nothing is archived.</p>;
  return (
    <div class="inbox-empty">
      <p>No conversations yet.</p>
      <button type="button" class="button primary" onClick={() => (starting.value = true)}>
        Write to somebody
      </button>
    </div>
  );
}

function matching(all: readonly Summary[], find: string, archived: boolean): Summary[] {
  const needle = find.trim().toLocaleLowerCase();
  return all.filter((summary) => {
    if (!needle) return summary.archived === archived;
    return `${titleOf(summary)}\n${summary.lastPreview}`.toLocaleLowerCase().includes(needle);
  });
}

/** One link of the list is in the order of Tab; arrows reach the others. */
function tabbable(shown: readonly Summary[], here: string | undefined, summary: Summary): boolean {
  return shown.some((s) => s.id === here) ? summary.id === here : summary === shown[0];
}

function arrows(event: KeyboardEvent): void {
  const links = Array.from(document.querySelectorAll<HTMLElement>('.inbox-list a'));
  const at = links.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
  if (to !== undefined) focusLink(event, Math.min(links.length - 1, Math.max(0, to)));
}

function focusLink(event: KeyboardEvent, index: number): void {
  event.preventDefault();
  document.querySelectorAll<HTMLElement>('.inbox-list a')[index]?.focus();
}

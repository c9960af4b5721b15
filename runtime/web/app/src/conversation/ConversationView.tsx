import type { Message } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { titleOf } from '../chat/title';
import { useClient, useConversation } from '../chat/useReadable';
import { Composer } from '../composer/Composer';
import { Details } from '../people/Details';
import { useMembers } from '../people/useMembers';
import { me } from '../session/session';
import { Icon } from '../ui/icons';
import { finePointer } from '../ui/pointer';
import { ConversationHead } from './ConversationHead';
import { MessageInfo } from './MessageInfo';
import { MessageList } from './MessageList';
import { Search } from './Search';
import type { ListHandle } from './VirtualList';

/** A conversation: what was said, and what there is to say. It is made anew for each. */
export function ConversationView({ id }: { id: string }): VNode {
  const client = useClient();
  const { conversation, snapshot } = useConversation(id);
  const { summary, items } = snapshot;
  const members = useMembers(summary, items);
  const main = useRef<HTMLElement>(null);
  const list = useRef<ListHandle>(null);
  const [editing, setEditing] = useState<Message>();
  const [info, setInfo] = useState<Message>();
  const [searching, setSearching] = useState(false);
  const [find, setFind] = useState('');
  const [details, setDetails] = useState(false);
  const title = titleOf(summary);
  const watched = summary.peer ? [summary.peer] : (members.list ?? []).slice(0, 30).map((m) => m.user);
  const role = members.list?.find((m) => m.user === me.value)?.role;

  useEffect(() => {
    // Where a keyboard would cover half of the screen it waits to be asked for.
    if (!finePointer()) main.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => client.watch(watched), [client, watched.join('\n')]);
  const ownLast = useMemo(
    () => items.findLast((i): i is Message => i.kind === 'message' && i.own && editable(i)),
    [items],
  );
  const closeSearch = (): void => {
    setSearching(false);
    setFind('');
  };
  const toEnd = (): void => {
    if (snapshot.newer) void conversation.loadLatest();
    list.current?.toEnd();
  };
  const others = snapshot.typing.filter((user) => user !== me.value);

  return (
    <main
      ref={main}
      class={details ? 'conversation with-details' : 'conversation'}
      aria-label={`Conversation with ${title}`}
      tabIndex={-1}
    >
      <div class="conversation-main">
        <ConversationHead
          summary={summary}
          title={title}
          people={members.list?.length}
          searching={searching}
          details={details}
          onSearch={() => (searching ? closeSearch() : setSearching(true))}
          onDetails={() => setDetails(!details)}
        />
        {searching && (
          <Search
            items={items}
            older={snapshot.older}
            find={find}
            onFind={setFind}
            onShow={(key) => list.current?.show(key, false)}
            onClose={closeSearch}
          />
        )}
        <MessageList
          conversation={conversation}
          snapshot={snapshot}
          members={members.list}
          mayDelete={role === 'owner' || role === 'admin'}
          find={find.trim()}
          list={list}
          onEdit={setEditing}
          onInfo={setInfo}
          onLatest={toEnd}
        />
        {snapshot.error && (
          <p class="strip error" role="alert">
            <Icon name="alert" /> {explain(snapshot.error)}
          </p>
        )}
        <p class="typing" role="status" aria-label="Typing">
          {others.length > 0 && typingText(others)}
        </p>
        {summary.left ? (
          <p class="strip">You are not a member of this conversation any more. What was said stays readable.</p>
        ) : (
          <Composer
            conversation={conversation}
            maxBytes={client.maxBodyBytes}
            editing={editing}
            onEdited={() => setEditing(undefined)}
            onEditLast={() => setEditing(ownLast)}
            onSent={toEnd}
          />
        )}
      </div>
      {details && <Details summary={summary} members={members} onClose={() => setDetails(false)} />}
      {info && <MessageInfo message={info} onClose={() => setInfo(undefined)} />}
    </main>
  );
}

const editable = (message: Message): boolean =>
  message.state === 'sent' && !message.deleted && message.verdict?.action !== 'hide';

function typingText(users: readonly string[]): string {
  if (users.length > 3) return 'Several people are typing…';
  return `${new Intl.ListFormat('en').format(users)} ${users.length === 1 ? 'is' : 'are'} typing…`;
}

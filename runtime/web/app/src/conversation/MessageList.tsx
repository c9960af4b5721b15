import type { Conversation, ConversationSnapshot, MemberDetails, Message } from '@chatcluster/client';
import type { RefObject, VNode } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { me } from '../session/session';
import { Icon } from '../ui/icons';
import { timeOf } from '../ui/time';
import { MessageRow } from './MessageRow';
import { noticeText, type Row, rowsOf } from './rows';
import { statusOf } from './status';
import { useRead } from './useRead';
import { type ListHandle, VirtualList } from './VirtualList';

interface Props {
  conversation: Conversation;
  snapshot: ConversationSnapshot;
  members: readonly MemberDetails[] | undefined;
  mayDelete: boolean;
  find: string;
  list: RefObject<ListHandle | null>;
  onEdit(message: Message): void;
  onInfo(message: Message): void;
  onLatest(): void;
}

export function MessageList(props: Props): VNode {
  const { conversation, snapshot } = props;
  const { items, older, newer, loading, summary } = snapshot;
  const self = me.value;
  const newAfter = useNewAfter(snapshot);
  const rows = useMemo(() => rowsOf(items, older, newAfter), [items, older, newAfter]);
  const keys = useMemo(() => rows.map((row) => row.key), [rows]);
  const [active, setActive] = useState<string>();
  const [atEnd, setAtEnd] = useState(true);
  const shownHead = useRef(0);
  const read = useRead(conversation, items);

  const head = items.findLast((item) => item.seq > 0)?.seq ?? 0;
  if (atEnd) shownHead.current = Math.max(shownHead.current, head);
  const missed = atEnd ? 0 : items.filter((i) => i.kind === 'message' && !i.own && i.seq > shownHead.current).length;
  const current = active !== undefined && keys.includes(active) ? active : keys.findLast((key) => !key.startsWith('#'));

  const draw = (index: number, isActive: boolean): VNode => {
    const row = rows[index] as Row;
    if (row.is !== 'message') return <Furniture row={row} self={self} loading={loading} empty={items.length === 0} />;
    const { message } = row;
    return (
      <MessageRow
        message={message}
        conversation={conversation}
        first={row.first}
        last={row.last}
        group={summary.kind === 'group'}
        me={self}
        status={message.own && !message.deleted ? statusOf(message, snapshot, props.members, self) : undefined}
        find={props.find}
        active={isActive}
        mayDelete={props.mayDelete}
        onEdit={props.onEdit}
        onInfo={props.onInfo}
      />
    );
  };

  return (
    <div class="messages-frame">
      <VirtualList
        label="Messages"
        keys={keys}
        row={draw}
        name={(index) => nameOf(rows[index], self)}
        active={current}
        onActive={setActive}
        tail={!newer}
        onTop={() => older && !loading && void conversation.loadOlder()}
        onBottom={() => newer && !loading && void conversation.loadNewer()}
        onShown={(key, end) => {
          setAtEnd(end && !newer);
          read(key);
        }}
        handle={props.list}
      />
      {!atEnd && (
        <button
          type="button"
          class="to-end"
          aria-label={missed > 0 ? `${missed} new ${missed === 1 ? 'message' : 'messages'}` : 'Jump to latest'}
          onClick={props.onLatest}
        >
          {missed > 0 && <span class="badge">{missed}</span>}
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

/** The read mark that there was when the conversation was opened: what lies behind it is marked as new. */
function useNewAfter({ summary, items }: ConversationSnapshot): number | undefined {
  const mark = useRef<number | undefined>(undefined);
  const known = summary.kind !== undefined && items.length > 0;
  if (mark.current === undefined && known) mark.current = summary.unread > 0 ? summary.read : Number.POSITIVE_INFINITY;
  return mark.current;
}

function nameOf(row: Row | undefined, self: string): string | undefined {
  if (row?.is === 'message') return `${row.message.own ? 'You' : row.message.sender}, ${timeOf(row.message.atMs)}`;
  return row?.is === 'notice' ? noticeText(row.notice, self) : undefined;
}

interface FurnitureProps {
  row: Exclude<Row, { is: 'message' }>;
  self: string;
  loading: boolean;
  empty: boolean;
}

function Furniture({ row, self, loading, empty }: FurnitureProps): VNode {
  switch (row.is) {
    case 'day':
      return (
        <div class="day">
          <span>{row.text}</span>
        </div>
      );
    case 'notice':
      return <div class="event">{noticeText(row.notice, self)}</div>;
    case 'new':
      return <div class="fresh">New messages</div>;
    case 'older':
      return <div class="event">{loading ? 'Loading older messages…' : 'Older messages'}</div>;
    case 'start':
      return (
        <div class="event">
          {loading && empty
            ? 'Loading…'
            : empty
              ? 'Nothing was said yet. Say hello.'
              : 'The beginning of the conversation'}
        </div>
      );
  }
}

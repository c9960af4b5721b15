import type { Conversation, Message } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { Avatar } from '../ui/Avatar';
import { Icon, type IconName } from '../ui/icons';
import { fullTimeOf, timeOf } from '../ui/time';
import { attempt } from './attempt';
import { Body } from './Body';
import { MessageMenu } from './MessageMenu';
import type { Status } from './status';

interface Props {
  message: Message;
  conversation: Conversation;
  first: boolean;
  last: boolean;
  /** Who speaks is said in groups. */
  group: boolean;
  me: string;
  status: Status | undefined;
  find: string;
  active: boolean;
  mayDelete: boolean;
  onEdit(message: Message): void;
  onInfo(message: Message): void;
}

const signs: Record<Status, IconName> = {
  Sending: 'clock',
  Sent: 'check',
  Delivered: 'checks',
  Read: 'checks',
  Failed: 'alert',
};
const moderation: Record<string, string> = {
  flag: 'Flagged by moderation',
  mask: 'Masked by moderation',
  hide: 'Hidden by moderation',
};

export function MessageRow(props: Props): VNode {
  const { message, first, last, group, status, active } = props;
  const [menu, setMenu] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const tabIndex = active ? 0 : -1;
  const settled = message.state === 'sent';
  return (
    <div class={`message ${message.own ? 'mine' : ''} ${first ? 'first' : ''} ${last ? 'last' : ''}`}>
      {group && !message.own && (
        <span class="message-face">{last && <Avatar name={message.sender} size="small" />}</span>
      )}
      <div class="message-main">
        <div class="message-line">
          <div class={`bubble ${message.state} ${message.deleted ? 'gone' : ''}`}>
            {group && first && !message.own && <span class="bubble-sender">{message.sender}</span>}
            <Content message={message} find={props.find} tabIndex={tabIndex} />
            <span class="bubble-meta">
              {message.editedAtMs !== undefined && !message.deleted && <span>edited</span>}
              <time dateTime={new Date(message.atMs).toISOString()} title={fullTimeOf(message.atMs)}>
                {timeOf(message.atMs)}
              </time>
              {status && (
                <span class={`sign ${status.toLowerCase()}`} role="img" aria-label={status} title={status}>
                  <Icon name={signs[status]} />
                </span>
              )}
            </span>
          </div>
          {settled && !message.deleted && (
            <button
              ref={button}
              type="button"
              class="icon-button small message-more"
              aria-label="Message actions"
              aria-haspopup="menu"
              aria-expanded={menu}
              tabIndex={tabIndex}
              onClick={() => setMenu(true)}
            >
              <Icon name="more" />
            </button>
          )}
        </div>
        <Reactions {...props} tabIndex={tabIndex} />
        {message.state === 'failed' && <Failed {...props} />}
      </div>
      {menu && button.current && <MessageMenu {...props} at={button.current} onClose={() => setMenu(false)} />}
    </div>
  );
}

function Content({ message, find, tabIndex }: { message: Message; find: string; tabIndex: number }): VNode {
  if (message.deleted) return <p class="body aside">This message was deleted</p>;
  const note = moderation[message.verdict?.action ?? ''];
  const reason = message.verdict?.reason;
  return (
    <>
      {message.body !== '' && <Body text={message.body} find={find} tabIndex={tabIndex} />}
      {message.incomplete && message.body === '' && <p class="body aside">Loading…</p>}
      {note && (
        <p class="verdict" role="note" aria-label={note}>
          <Icon name={message.verdict?.action === 'flag' ? 'flag' : 'shield'} />
          {note}
          {reason && ` (${reason})`}
        </p>
      )}
    </>
  );
}

function Reactions({ message, conversation, me, tabIndex }: Props & { tabIndex: number }): VNode | null {
  if (message.reactions.length === 0 || message.deleted) return null;
  return (
    <div class="reactions">
      {message.reactions.map(({ emoji, users }) => {
        const mine = users.includes(me);
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            aria-pressed={mine}
            title={users.map((user) => (user === me ? 'You' : user)).join(', ')}
            tabIndex={tabIndex}
            onClick={() => attempt(() => conversation.react(message.seq, emoji, mine))}
          >
            {emoji} {users.length}
          </button>
        );
      })}
    </div>
  );
}

function Failed({ message, conversation }: Props): VNode {
  return (
    <p class="failed">
      <span>{message.error ? explain(message.error) : 'It was not sent.'}</span>
      <button type="button" class="text-button" onClick={() => conversation.retry(message.key)}>
        Retry
      </button>
      <button type="button" class="text-button" onClick={() => void conversation.discard(message.key)}>
        Discard
      </button>
    </p>
  );
}

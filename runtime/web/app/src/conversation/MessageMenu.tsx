import type { Conversation, Message } from '@chatcluster/client';
import type { VNode } from 'preact';
import { confirmed } from '../ui/confirm';
import { Icon } from '../ui/icons';
import { Menu } from '../ui/Menu';
import { notify } from '../ui/notices';
import { attempt } from './attempt';

interface Props {
  message: Message;
  conversation: Conversation;
  me: string;
  at: HTMLElement;
  mayDelete: boolean;
  onClose(): void;
  onEdit(message: Message): void;
  onInfo(message: Message): void;
}

const emojis = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

export function MessageMenu({ message, conversation, me, at, mayDelete, onClose, onEdit, onInfo }: Props): VNode {
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  const mine = (emoji: string): boolean => message.reactions.some((r) => r.emoji === emoji && r.users.includes(me));
  const remove = async (): Promise<void> => {
    const yes = await confirmed('Delete message?', 'It goes for everybody and cannot be brought back.', 'Delete');
    if (!yes) return;
    at.closest('article')?.focus(); // the button that had the focus goes
    attempt(() => conversation.delete(message.seq));
  };
  const copy = (): void => {
    navigator.clipboard
      .writeText(message.body)
      .catch(() => notify('The browser does not allow copying. Select the text instead.'));
  };
  return (
    <Menu label="Message actions" at={at} onClose={onClose}>
      <div class="menu-emoji">
        {emojis.map((emoji) => (
          <button
            key={emoji}
            type="button"
            role="menuitem"
            tabIndex={-1}
            aria-label={mine(emoji) ? `Take back ${emoji}` : `React with ${emoji}`}
            data-mine={mine(emoji) || undefined}
            onClick={then(() => attempt(() => conversation.react(message.seq, emoji, mine(emoji))))}
          >
            {emoji}
          </button>
        ))}
      </div>
      {message.body !== '' && (
        <button type="button" role="menuitem" tabIndex={-1} class="menu-item" onClick={then(copy)}>
          <Icon name="copy" /> Copy text
        </button>
      )}
      {message.own && (
        <button type="button" role="menuitem" tabIndex={-1} class="menu-item" onClick={then(() => onEdit(message))}>
          <Icon name="edit" /> Edit
        </button>
      )}
      <button type="button" role="menuitem" tabIndex={-1} class="menu-item" onClick={then(() => onInfo(message))}>
        <Icon name="info" /> Info
      </button>
      {(message.own || mayDelete) && (
        <button
          type="button"
          role="menuitem"
          tabIndex={-1}
          class="menu-item danger"
          onClick={then(() => void remove())}
        >
          <Icon name="trash" /> Delete
        </button>
      )}
    </Menu>
  );
}

import type { Message, MessageReceipt } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient } from '../chat/useReadable';
import { Avatar } from '../ui/Avatar';
import { Dialog } from '../ui/Dialog';
import { fullTimeOf } from '../ui/time';

/** When a message was sent, and who has it. */
export function MessageInfo({ message, onClose }: { message: Message; onClose(): void }): VNode {
  const { rest } = useClient();
  const [receipts, setReceipts] = useState<readonly MessageReceipt[]>();
  const [next, setNext] = useState<string>();
  const [trouble, setTrouble] = useState('');

  const load = async (cursor?: string): Promise<void> => {
    try {
      const page = await rest.receipts(message.conversation, message.seq, { limit: 64, ...(cursor ? { cursor } : {}) });
      setReceipts((had) => [...((cursor && had) || []), ...page.receipts]);
      setNext(page.next);
      setTrouble('');
    } catch (error) {
      setTrouble(explain(error));
    }
  };
  useEffect(() => void load(), [message.key]);

  return (
    <Dialog title="Message info" onClose={onClose}>
      <dl class="facts">
        <dt>From</dt>
        <dd>{message.own ? 'You' : message.sender}</dd>
        <dt>Sent</dt>
        <dd>{fullTimeOf(message.atMs)}</dd>
        {message.editedAtMs !== undefined && (
          <>
            <dt>Edited</dt>
            <dd>{fullTimeOf(message.editedAtMs)}</dd>
          </>
        )}
      </dl>
      {trouble && (
        <p class="error" role="alert">
          {trouble}
        </p>
      )}
      {!receipts && !trouble && <p class="hint">Loading…</p>}
      <ul class="people" aria-label="Receipts">
        {receipts?.map(({ user, delivered, read }) => (
          <li key={user} class="person">
            <Avatar name={user} size="small" />
            <span class="person-name">{user}</span>
            <span class="hint">{read ? 'Read' : delivered ? 'Delivered' : 'Not delivered yet'}</span>
          </li>
        ))}
      </ul>
      {next && (
        <button type="button" class="button" onClick={() => void load(next)}>
          Show more
        </button>
      )}
    </Dialog>
  );
}

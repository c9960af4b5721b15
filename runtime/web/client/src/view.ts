import type { RefusedError } from './errors.js';
import { type Folded, fold } from './fold.js';
import type { Item as Outgoing } from './outbox.js';
import type { Message, Notice } from './types.js';
import type { Entry } from './wire.js';

/** The same from pending to sent, and from reload to reload. */
export function keyOf(seq: number, own: boolean, clientMsgId: string | undefined): string {
  return own && clientMsgId ? `c:${clientMsgId}` : `s:${seq}`;
}

export function messageOf(
  conversation: string,
  self: string,
  entry: Folded,
  changing = false,
  error?: RefusedError,
): Message {
  const own = entry.sender === self;
  const verdict = entry.verdict?.action === 'none' ? undefined : entry.verdict;
  return {
    kind: 'message',
    key: keyOf(entry.seq, own, entry.client_msg_id),
    conversation,
    seq: entry.seq,
    state: 'sent',
    sender: entry.sender,
    own,
    atMs: entry.at_ms,
    body: verdict?.action === 'hide' ? '' : (entry.body ?? ''),
    deleted: entry.deleted ?? false,
    reactions: entry.reactions ?? [],
    incomplete: entry.needs !== undefined,
    changing,
    ...(entry.edited_at_ms ? { editedAtMs: entry.edited_at_ms } : {}),
    ...(verdict ? { verdict } : {}),
    ...(error ? { error } : {}),
  };
}

export function noticeOf(conversation: string, entry: Entry): Notice {
  return {
    kind: entry.kind as Notice['kind'],
    key: `s:${entry.seq}`,
    conversation,
    seq: entry.seq,
    sender: entry.sender,
    atMs: entry.at_ms,
    members: entry.members ?? [],
    users: entry.users ?? [],
    title: entry.title ?? '',
  };
}

/** A message of the user's own whose entry has not come. */
export function pendingOf(self: string, item: Outgoing): Message {
  return {
    kind: 'message',
    key: `c:${item.id}`,
    conversation: item.conversation,
    seq: item.ack?.seq ?? 0,
    state: item.error ? 'failed' : item.ack ? 'sent' : 'pending',
    sender: self,
    own: true,
    atMs: item.ack?.at_ms ?? item.atMs,
    body: item.change.type === 'send' ? item.change.body : '',
    deleted: false,
    reactions: [],
    incomplete: false,
    changing: false,
    ...(item.error ? { error: item.error } : {}),
  };
}

/** The message as it will be when the user's own changes have their answers. */
export function overlaid(self: string, entry: Folded, changes: readonly Outgoing[]): Folded {
  return changes.reduce((message, { change, atMs }) => {
    const seq = Math.max(message.folded ?? 0, message.seq) + 1;
    const from = { seq, sender: self, at_ms: atMs, count: 0, target: message.seq };
    switch (change.type) {
      case 'edit':
        return fold(message, { ...from, kind: 'edited', body: change.body });
      case 'delete':
        return fold(message, { ...from, kind: 'deleted' });
      case 'react':
        return fold(message, { ...from, kind: 'reacted', emoji: change.emoji, removed: change.removed });
      default:
        return message;
    }
  }, entry);
}

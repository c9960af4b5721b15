import type { ConversationSnapshot, MemberDetails, Message } from '@chatcluster/client';

export type Status = 'Sending' | 'Sent' | 'Delivered' | 'Read' | 'Failed';

/** How far one's own message has come. In a group that is how far it has come to everybody. */
export function statusOf(
  message: Message,
  snapshot: Pick<ConversationSnapshot, 'receipts' | 'summary'>,
  members: readonly MemberDetails[] | undefined,
  me: string,
): Status {
  if (message.state === 'failed') return 'Failed';
  if (message.state === 'pending') return 'Sending';
  const { peer } = snapshot.summary;
  const others = peer
    ? [peer]
    : (members ?? []).filter((m) => m.user !== me && m.joined <= message.seq).map((m) => m.user);
  if (others.length === 0) return 'Sent';
  const marks = others.map((user) => snapshot.receipts.get(user));
  if (marks.every((mark) => (mark?.read ?? 0) >= message.seq)) return 'Read';
  const came = marks.every((mark) => Math.max(mark?.delivered ?? 0, mark?.read ?? 0) >= message.seq);
  return came ? 'Delivered' : 'Sent';
}

import type { Item, Message, Notice } from '@chatcluster/client';
import { dayOf, sameDay } from '../ui/time';

/** A line of the list. What begins with # is furniture. */
export type Row =
  | { key: string; is: 'message'; message: Message; first: boolean; last: boolean }
  | { key: string; is: 'notice'; notice: Notice }
  | { key: string; is: 'day'; text: string }
  | { key: '#new' | '#older' | '#start'; is: 'new' | 'older' | 'start' };

/** Messages of one person that follow within this time stand together. */
const together = 5 * 60_000;

/** Lays a conversation out: days, who speaks, where the unread ones begin. */
export function rowsOf(items: readonly Item[], older: boolean, newAfter: number | undefined): Row[] {
  const rows: Row[] = [older ? { key: '#older', is: 'older' } : { key: '#start', is: 'start' }];
  let before: Item | undefined;
  let marked = newAfter === undefined;
  items.forEach((item, index) => {
    const day = !before || !sameDay(before.atMs, item.atMs);
    if (day) rows.push({ key: `#day-${new Date(item.atMs).toDateString()}`, is: 'day', text: dayOf(item.atMs) });
    const fresh = !marked && isNew(item, newAfter ?? 0);
    if (fresh) {
      rows.push({ key: '#new', is: 'new' });
      marked = true;
    }
    if (item.kind === 'message') {
      const next = items[index + 1];
      const first = day || fresh || !belongs(before, item);
      const last = !next || !belongs(item, next) || !sameDay(item.atMs, next.atMs);
      rows.push({ key: item.key, is: 'message', message: item, first, last });
    } else {
      rows.push({ key: item.key, is: 'notice', notice: item });
    }
    before = item;
  });
  return rows;
}

const isNew = (item: Item, after: number): boolean => item.kind === 'message' && !item.own && item.seq > after;

function belongs(before: Item | undefined, item: Item): boolean {
  return (
    before?.kind === 'message' &&
    item.kind === 'message' &&
    before.sender === item.sender &&
    item.atMs - before.atMs < together
  );
}

/** A sentence for what is no message. */
export function noticeText(notice: Notice, me: string): string {
  const name = (user: string): string => (user === me ? 'you' : user);
  const who = notice.sender === me ? 'You' : notice.sender;
  const list = (users: readonly string[]): string => new Intl.ListFormat('en').format(users.map(name));
  const users = notice.members.map((member) => member.user);
  switch (notice.kind) {
    case 'members_added': {
      const others = users.filter((user) => user !== notice.sender);
      return others.length === 0 ? `${who} started the conversation` : `${who} added ${list(others)}`;
    }
    case 'members_removed':
      if (notice.users.length === 1 && notice.users[0] === notice.sender) return `${who} left`;
      return `${who} removed ${list(notice.users)}`;
    case 'role_changed':
      return notice.members.map((member) => `${who} made ${name(member.user)} ${article(member.role)}`).join(', ');
    case 'renamed':
      return `${who} renamed the group to “${notice.title}”`;
  }
}

const article = (role: string): string => (/^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`);

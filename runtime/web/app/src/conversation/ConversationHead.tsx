import type { Summary } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useClient, useReadable } from '../chat/useReadable';
import { Avatar } from '../ui/Avatar';
import { BackToChats } from '../ui/BackToChats';
import { Icon } from '../ui/icons';
import { lastSeen } from '../ui/time';

interface Props {
  summary: Summary;
  title: string;
  people: number | undefined;
  searching: boolean;
  details: boolean;
  onSearch(): void;
  onDetails(): void;
}

export function ConversationHead({ summary, title, people, searching, details, onSearch, onDetails }: Props): VNode {
  const presence = useReadable(useClient().presence);
  const peer = summary.peer ? presence.get(summary.peer) : undefined;
  const group = summary.kind === 'group';
  const state = group
    ? people === undefined
      ? 'Group'
      : `${people} ${people === 1 ? 'member' : 'members'}`
    : peer?.online
      ? 'online'
      : peer?.last_seen_ms !== undefined
        ? lastSeen(peer.last_seen_ms)
        : '';
  return (
    <header class="bar conversation-head">
      <BackToChats />
      <Avatar name={title} group={group} online={peer?.online ?? false} />
      <div class="conversation-title">
        <h1>{title}</h1>
        <p class="hint">{summary.left ? 'You are not a member any more' : state}</p>
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label="Search in conversation"
        aria-pressed={searching}
        onClick={onSearch}
      >
        <Icon name="search" />
      </button>
      <button type="button" class="icon-button" aria-label="Details" aria-expanded={details} onClick={onDetails}>
        <Icon name={group ? 'people' : 'info'} />
      </button>
    </header>
  );
}

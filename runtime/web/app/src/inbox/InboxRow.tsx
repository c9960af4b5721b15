import type { Summary } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useId } from 'preact/hooks';
import { titleOf } from '../chat/title';
import { useClient, useReadable } from '../chat/useReadable';
import { isMuted } from '../people/Preferences';
import { conversationHref } from '../route';
import { me } from '../session/session';
import { Avatar } from '../ui/Avatar';
import { Icon } from '../ui/icons';
import { briefly } from '../ui/time';

interface Props {
  summary: Summary;
  here: boolean;
  tabbable: boolean;
}

export function InboxRow({ summary, here, tabbable }: Props): VNode {
  const presence = useReadable(useClient().presence);
  const id = useId();
  const title = titleOf(summary);
  const online = summary.peer !== undefined && presence.get(summary.peer)?.online === true;
  const { unread } = summary;
  return (
    <li class={unread > 0 ? 'inbox-row unread' : 'inbox-row'}>
      <Avatar name={title} group={summary.kind === 'group'} online={online} />
      <div class="inbox-text">
        <div class="inbox-line">
          <a
            class="inbox-title"
            href={conversationHref(summary.id)}
            aria-label={unread > 0 ? `${title}, ${unread} unread` : title}
            aria-describedby={id}
            aria-current={here ? 'page' : undefined}
            tabIndex={tabbable ? 0 : -1}
          >
            {title}
          </a>
          {isMuted(summary) && <Icon name="muted" />}
          {summary.pinned && <Icon name="pin" />}
          {summary.lastAtMs > 0 && <time class="inbox-time">{briefly(summary.lastAtMs)}</time>}
        </div>
        <div class="inbox-line">
          <span class="inbox-preview" id={id} dir="auto">
            {previewOf(summary)}
          </span>
          {summary.failed > 0 && (
            <span class="inbox-failed">
              <Icon name="alert" />
            </span>
          )}
          {summary.failed === 0 && summary.pending > 0 && <Icon name="clock" />}
          {unread > 0 && (
            <span class={isMuted(summary) ? 'badge quiet' : 'badge'} aria-hidden="true">
              {unread > 999 ? '999+' : unread}
            </span>
          )}
        </div>
      </div>
    </li>
  );
}

function previewOf(summary: Summary): string {
  if (summary.failed > 0) return 'A message was not sent';
  const { lastSender, lastPreview } = summary;
  if (!lastPreview) return summary.left ? 'You are not a member any more' : '';
  if (lastSender === me.value) return `You: ${lastPreview}`;
  return summary.kind === 'group' && lastSender ? `${lastSender}: ${lastPreview}` : lastPreview;
}

import type { Summary } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { explain } from '../chat/explain';
import { titleOf } from '../chat/title';
import { useClient } from '../chat/useReadable';
import { me } from '../session/session';
import { Avatar } from '../ui/Avatar';
import { confirmed } from '../ui/confirm';
import { Icon } from '../ui/icons';
import { notify } from '../ui/notices';
import { AddPeople } from './AddPeople';
import { MemberList } from './MemberList';
import { Preferences } from './Preferences';
import { Rename } from './Rename';
import type { Members } from './useMembers';

interface Props {
  summary: Summary;
  members: Members;
  onClose(): void;
}

/** Who is in a conversation, and how the person wants it. */
export function Details({ summary, members, onClose }: Props): VNode {
  const { rest } = useClient();
  const close = useRef<HTMLButtonElement>(null);
  const title = titleOf(summary);
  const group = summary.kind === 'group';
  const role = members.list?.find((m) => m.user === me.value)?.role;
  const leads = role === 'owner' || role === 'admin';
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    close.current?.focus();
    return () => before?.isConnected && before.focus();
  }, []);

  const leave = async (): Promise<void> => {
    const yes = await confirmed(
      'Leave group?',
      'You get no new messages. What was said before stays readable.',
      'Leave',
    );
    if (!yes) return;
    try {
      await rest.leave(summary.id);
      onClose();
    } catch (error) {
      notify(explain(error));
    }
  };

  return (
    <aside
      class="details"
      aria-label="Details"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header class="bar">
        <h2>Details</h2>
        <button ref={close} type="button" class="icon-button" aria-label="Close details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="details-body">
        <div class="details-face">
          <Avatar name={title} group={group} size="large" />
          <p class="details-title">{title}</p>
        </div>
        {leads && <Rename summary={summary} />}
        <Preferences summary={summary} />
        {group && !summary.left && (
          <section class="details-part">
            <h3>Members {members.list && <span class="hint">{members.list.length}</span>}</h3>
            {members.trouble && (
              <p class="error" role="alert">
                {members.trouble}{' '}
                <button type="button" class="text-button" onClick={() => void members.reload()}>
                  Try again
                </button>
              </p>
            )}
            {leads && <AddPeople id={summary.id} />}
            <MemberList id={summary.id} members={members.list ?? []} role={role} />
          </section>
        )}
        {group && !summary.left && (
          <button type="button" class="button quiet-danger wide" onClick={() => void leave()}>
            Leave group
          </button>
        )}
      </div>
    </aside>
  );
}

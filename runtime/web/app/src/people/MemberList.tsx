import type { MemberDetails, Role } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient, useReadable } from '../chat/useReadable';
import { me } from '../session/session';
import { Avatar } from '../ui/Avatar';
import { confirmed } from '../ui/confirm';
import { Icon } from '../ui/icons';
import { notify } from '../ui/notices';

interface Props {
  id: string;
  members: readonly MemberDetails[];
  /** The person's own. */
  role: Role | undefined;
}

const roles: Record<Role, string> = { owner: 'Owner', admin: 'Admin', member: 'Member' };
const some = 100;

export function MemberList({ id, members, role }: Props): VNode {
  const [all, setAll] = useState(false);
  const shown = all ? members : members.slice(0, some);
  return (
    <>
      <ul class="people" aria-label="Members">
        {shown.map((member) => (
          <Member key={member.user} id={id} member={member} role={role} />
        ))}
      </ul>
      {shown.length < members.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {members.length}
        </button>
      )}
    </>
  );
}

function Member({ id, member, role }: { id: string; member: MemberDetails; role: Role | undefined }): VNode {
  const client = useClient();
  const online = useReadable(client.presence).get(member.user)?.online ?? false;
  const self = member.user === me.value;
  const mayRemove = !self && (role === 'owner' || (role === 'admin' && member.role === 'member'));

  const attempt = (change: Promise<unknown>): Promise<void> =>
    change.then(
      () => undefined,
      (error: unknown) => notify(explain(error)),
    );
  const change = (select: HTMLSelectElement): void => {
    const wanted = select.value as Role;
    select.value = member.role; // the log says when it is so
    void attempt(client.rest.changeRole(id, member.user, wanted));
  };
  const remove = async (): Promise<void> => {
    const yes = await confirmed(
      `Remove ${member.user}?`,
      'They get no new messages. What was said before stays readable to them.',
      'Remove',
    );
    if (yes) await attempt(client.rest.removeMember(id, member.user));
  };
  return (
    <li class="person">
      <Avatar name={member.user} size="small" online={online} />
      <span class="person-name">{self ? `${member.user} (you)` : member.user}</span>
      {role === 'owner' ? (
        <select
          class="role"
          aria-label={`Role of ${member.user}`}
          value={member.role}
          onChange={(event) => change(event.currentTarget)}
        >
          {Object.entries(roles).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <span class="hint">{roles[member.role]}</span>
      )}
      {mayRemove && (
        <button
          type="button"
          class="icon-button small"
          aria-label={`Remove ${member.user}`}
          onClick={() => void remove()}
        >
          <Icon name="close" />
        </button>
      )}
    </li>
  );
}

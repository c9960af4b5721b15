import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient } from '../chat/useReadable';
import { idsOf } from '../people/ids';
import { conversationHref, go } from '../route';
import { me } from '../session/session';
import { Dialog } from '../ui/Dialog';

/** Starts a direct conversation or a group. */
export function NewConversation({ onClose }: { onClose(): void }): VNode {
  const { rest } = useClient();
  const [group, setGroup] = useState(false);
  const [person, setPerson] = useState('');
  const [title, setTitle] = useState('');
  const [members, setMembers] = useState('');
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  /** The key of what was tried last: the same tried again makes no second group. */
  const tried = useRef({ what: '', key: '' });

  const start = async (event: Event): Promise<void> => {
    event.preventDefault();
    const users = idsOf(members).filter((user) => user !== me.value);
    if (!group && !person.trim()) return setTrouble('Say whom you want to write to.');
    if (!group && person.trim() === me.value) return setTrouble('That is you. Say whom you want to write to.');
    if (group && !title.trim()) return setTrouble('Give the group a name.');
    const what = JSON.stringify([title.trim(), users]);
    if (tried.current.what !== what) tried.current = { what, key: crypto.randomUUID() };
    setBusy(true);
    setTrouble('');
    try {
      const made = group
        ? await rest.createGroup(title.trim(), users, { key: tried.current.key })
        : await rest.createDirect(person.trim());
      go(conversationHref(made.id));
      onClose();
    } catch (error) {
      setTrouble(explain(error));
    } finally {
      setBusy(false);
    }
  };
  const id = { autocomplete: 'off', autocapitalize: 'none', spellcheck: false } as const;

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form onSubmit={(event) => void start(event)}>
        <fieldset class="segments">
          <legend class="unseen">Kind</legend>
          <label>
            <input type="radio" name="kind" checked={!group} onChange={() => setGroup(false)} />
            <span>Direct</span>
          </label>
          <label>
            <input type="radio" name="kind" checked={group} onChange={() => setGroup(true)} />
            <span>Group</span>
          </label>
        </fieldset>
        {group ? (
          <>
            <label class="field">
              <span>Group name</span>
              <input class="input" maxLength={120} value={title} onInput={(e) => setTitle(e.currentTarget.value)} />
            </label>
            <label class="field">
              <span>Members</span>
              <input
                class="input"
                {...id}
                placeholder="bob, carol"
                value={members}
                onInput={(e) => setMembers(e.currentTarget.value)}
              />
            </label>
          </>
        ) : (
          <label class="field">
            <span>Person</span>
            <input
              class="input"
              data-first
              {...id}
              placeholder="bob"
              value={person}
              onInput={(e) => setPerson(e.currentTarget.value)}
            />
          </label>
        )}
        {trouble && (
          <p class="error" role="alert">
            {trouble}
          </p>
        )}
        <div class="dialog-actions">
          <button type="submit" class="button primary" disabled={busy}>
            Start
          </button>
        </div>
      </form>
    </Dialog>
  );
}

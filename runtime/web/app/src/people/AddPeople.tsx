import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient } from '../chat/useReadable';
import { notify } from '../ui/notices';
import { idsOf } from './ids';

const most = 40;

export function AddPeople({ id }: { id: string }): VNode {
  const { rest } = useClient();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const users = idsOf(text);

  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (users.length === 0 || busy) return;
    if (users.length > most) return notify(`At most ${most} people can be added at once.`);
    setBusy(true);
    try {
      await rest.addMembers(id, users);
      setText('');
    } catch (error) {
      notify(explain(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="with-button" onSubmit={(event) => void add(event)}>
      <input
        class="input"
        aria-label="Add people"
        placeholder="Add people by their id"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={users.length === 0 || busy}>
        Add
      </button>
    </form>
  );
}

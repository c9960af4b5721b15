import type { Summary } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient } from '../chat/useReadable';
import { notify } from '../ui/notices';

export function Rename({ summary }: { summary: Summary }): VNode {
  const { rest } = useClient();
  const [title, setTitle] = useState(summary.title);
  const [busy, setBusy] = useState(false);
  useEffect(() => setTitle(summary.title), [summary.title]);
  const same = title.trim() === '' || title.trim() === summary.title;

  const rename = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (same || busy) return;
    setBusy(true);
    try {
      await rest.rename(summary.id, title.trim());
    } catch (error) {
      notify(explain(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="details-part" onSubmit={(event) => void rename(event)}>
      <label class="field-name" for="group-name">
        Group name
      </label>
      <div class="with-button">
        <input
          id="group-name"
          class="input"
          maxLength={120}
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={same || busy}>
          Rename
        </button>
      </div>
    </form>
  );
}

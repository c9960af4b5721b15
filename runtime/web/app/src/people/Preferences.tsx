import type { Summary, Preferences as Wanted } from '@chatcluster/client';
import type { VNode } from 'preact';
import { explain } from '../chat/explain';
import { useClient } from '../chat/useReadable';
import { notify } from '../ui/notices';
import { soonOf } from '../ui/time';

const hour = 3_600_000;
const lengths: Record<string, number> = { '1 hour': hour, '8 hours': 8 * hour, '1 week': 168 * hour };
/** Far enough to be for good, and still a date. */
const always = Date.UTC(2999, 11, 31);

export const isMuted = (summary: Pick<Summary, 'mutedUntilMs'>, now = Date.now()): boolean =>
  summary.mutedUntilMs > now;

export function Preferences({ summary }: { summary: Summary }): VNode {
  const { rest, inbox } = useClient();
  const set = async (wanted: Wanted): Promise<void> => {
    try {
      await rest.setPreferences(summary.id, wanted);
      await inbox.refresh();
    } catch (error) {
      notify(explain(error));
    }
  };
  const muted = isMuted(summary);
  const chosen = !muted ? 'Off' : summary.mutedUntilMs >= always ? 'Always' : 'Until';
  const mute = (choice: string): void => {
    const until = choice === 'Off' ? 0 : choice === 'Always' ? always : Date.now() + (lengths[choice] ?? 0);
    if (choice !== 'Until') void set({ muted_until_ms: until });
  };
  return (
    <section class="details-part">
      <label class="tick">
        Mute
        <select class="role" value={chosen} onChange={(event) => mute(event.currentTarget.value)}>
          {['Off', ...Object.keys(lengths), 'Always'].map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
          {chosen === 'Until' && <option value="Until">Until {soonOf(summary.mutedUntilMs)}</option>}
        </select>
      </label>
      <label class="tick">
        Pin
        <input
          type="checkbox"
          checked={summary.pinned}
          onChange={(event) => void set({ pinned: event.currentTarget.checked })}
        />
      </label>
      <label class="tick">
        Archive
        <input
          type="checkbox"
          checked={summary.archived}
          onChange={(event) => void set({ archived: event.currentTarget.checked })}
        />
      </label>
    </section>
  );
}

import type { Outgoing } from '@chatcluster/client';
import { explain } from '../chat/explain';
import { notify } from '../ui/notices';

/** Does something to a message, and says so when it is refused. */
export function attempt(change: () => Outgoing): boolean {
  try {
    change().done.catch((error: unknown) => notify(explain(error)));
    return true;
  } catch (error) {
    notify(explain(error));
    return false;
  }
}

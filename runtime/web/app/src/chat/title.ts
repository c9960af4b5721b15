import type { Summary } from '@chatcluster/client';

/** What a conversation is called. */
export function titleOf(summary: Pick<Summary, 'title' | 'peer' | 'kind'>): string {
  return summary.title || summary.peer || (summary.kind === 'group' ? 'Group' : 'Conversation');
}

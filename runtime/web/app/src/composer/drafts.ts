/** What was begun and not sent, by conversation, as long as the page is open. */
const drafts = new Map<string, string>();

export const draftOf = (conversation: string): string => drafts.get(conversation) ?? '';

export function keepDraft(conversation: string, text: string): void {
  if (text) drafts.set(conversation, text);
  else drafts.delete(conversation);
}

export function forgetDrafts(): void {
  drafts.clear();
}

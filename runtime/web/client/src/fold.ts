import type { Entry, Reaction } from './wire.js';

/** A message as this client shows it. `needs` says that its body is not the whole until a copy is fetched that shows the effect of that seq. */
export type Folded = Entry & { readonly needs?: number };

const changes = new Set(['edited', 'deleted', 'reacted', 'verdict']);

/** The seq of the message that the entry changes, 0 for an entry that changes none. */
export function targetOf(entry: Entry): number {
  const target = changes.has(entry.kind) ? (entry.target ?? 0) : 0;
  return target < entry.seq ? target : 0;
}

/** A message as it came. What is elided of it is in the history. */
export function unfolded(entry: Entry): Folded {
  return entry.elided && !entry.deleted ? { ...entry, needs: entry.folded ?? 0 } : entry;
}

/**
 * What a change does to the message that it targets. Seqs alone order it: what the message shows already changes nothing more, so
 * changes may come again. The message comes back as it is, the very object, when nothing changes.
 */
export function fold(message: Folded, change: Entry): Folded {
  if (targetOf(change) !== message.seq || change.seq <= (message.folded ?? 0) || message.deleted) return message;
  const folded = { ...message, folded: change.seq };
  switch (change.kind) {
    case 'edited': {
      if (change.sender !== message.sender) return message;
      const { verdict, ...rest } = folded;
      const hidden = verdict?.action === 'hide';
      return {
        ...rest,
        // A mask does not fit another body; what is hidden stays so.
        ...(verdict && verdict.action !== 'mask' ? { verdict } : {}),
        body: hidden ? '' : change.redacted ? (message.body ?? '') : (change.body ?? ''),
        edited_at_ms: change.at_ms,
        revision: (message.revision ?? 0) + 1,
      };
    }
    case 'deleted': {
      const { reactions: _, verdict: __, needs: ___, elided: ____, ...rest } = folded;
      return { ...rest, body: '', deleted: true, revision: (message.revision ?? 0) + 1 };
    }
    case 'reacted':
      return { ...folded, reactions: react(message.reactions ?? [], change) };
    default:
      return judge(message, folded, change);
  }
}

function react(all: readonly Reaction[], change: Entry): readonly Reaction[] {
  const emoji = change.emoji ?? '';
  const at = all.findIndex((r) => r.emoji === emoji);
  const had = all[at];
  if (!had) return change.removed ? all : [...all, { emoji, users: [change.sender] }];
  const others = had.users.filter((user) => user !== change.sender);
  if (!change.removed) {
    return others.length < had.users.length ? all : all.with(at, { emoji, users: [...had.users, change.sender] });
  }
  return others.length > 0 ? all.with(at, { emoji, users: others }) : all.filter((_, i) => i !== at);
}

/** Verdicts by how much they hide. */
const strengths = ['flag', 'mask', 'hide'];

/** The entry of a verdict holds no body: what is masked, or shown again, is fetched. Until then too little is shown, never too much. */
function judge(message: Folded, folded: Folded, change: Entry): Folded {
  const verdict = change.verdict;
  if (!verdict) return message;
  const old = message.verdict;
  const strength = strengths.indexOf(verdict.action);
  const before = old ? strengths.indexOf(old.action) : -1;
  if (verdict.action === 'none') {
    const { verdict: _, ...rest } = folded;
    if (!old) return message;
    return before > 0 ? { ...rest, needs: change.seq } : rest;
  }
  if (strength < 0 || (old && old.processor !== verdict.processor && strength < before)) return message;
  if (verdict.action === 'hide') return { ...folded, verdict, body: '' };
  if (verdict.action === 'mask' || before > 0) return { ...folded, verdict, body: '', needs: change.seq };
  return { ...folded, verdict };
}

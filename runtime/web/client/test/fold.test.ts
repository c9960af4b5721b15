import { describe, expect, it } from 'vitest';
import { type Folded, fold, targetOf, unfolded } from '../src/fold.js';
import type { Entry } from '../src/wire.js';

const said: Folded = { seq: 1, sender: 'bob', at_ms: 1, count: 1, kind: 'message', body: 'a' };
const change = (seq: number, kind: string, more: Partial<Entry> = {}): Entry => ({
  ...{ seq, sender: 'bob', at_ms: seq, count: 1, kind, target: 1 },
  ...more,
});
const verdict = (seq: number, action: string, processor = 'spam') =>
  change(seq, 'verdict', { verdict: { action, processor } });

/** The rules of docs/protocol.md that the conformance suite does not see from outside, and those that a server may make a client meet. */
const table: {
  why: string;
  from?: Partial<Folded>;
  changes: Entry[];
  want: { [K in keyof Folded]?: Folded[K] | undefined };
}[] = [
  {
    why: 'only who sent a message edits it',
    changes: [change(2, 'edited', { sender: 'carol', body: 'b' })],
    want: { body: 'a' },
  },
  {
    why: 'a change of a message behind it is none',
    changes: [change(1, 'edited', { body: 'b' })],
    want: { body: 'a' },
  },
  {
    why: 'a revision counts what changed the content',
    changes: [change(2, 'edited', { body: 'b' }), change(3, 'edited', { body: 'c' })],
    want: { revision: 2, folded: 3, edited_at_ms: 3 },
  },
  {
    why: 'a mask does not fit another body',
    from: { verdict: { action: 'mask', processor: 'profanity' }, folded: 2 },
    changes: [change(3, 'edited', { body: 'b' })],
    want: { body: 'b', verdict: undefined },
  },
  {
    why: 'what is hidden stays so when its author edits it',
    from: { verdict: { action: 'hide', processor: 'spam' }, folded: 2, body: '' },
    changes: [change(3, 'edited', { body: 'b' })],
    want: { body: '', verdict: { action: 'hide', processor: 'spam' } },
  },
  {
    why: 'the weaker verdict of another processor does not replace a stronger one',
    changes: [verdict(2, 'hide'), verdict(3, 'flag', 'fraud')],
    want: { body: '', verdict: { action: 'hide', processor: 'spam' } },
  },
  {
    why: 'the same processor may think again, and the body is to be fetched',
    changes: [verdict(2, 'hide'), verdict(3, 'flag')],
    want: { verdict: { action: 'flag', processor: 'spam' }, needs: 3 },
  },
  {
    why: 'a mask shows nothing until the masked body is fetched',
    changes: [verdict(2, 'mask')],
    want: { body: '', needs: 2 },
  },
  {
    why: 'a verdict of a later release changes nothing here',
    changes: [verdict(2, 'blur')],
    want: { body: 'a', folded: undefined },
  },
  { why: 'reverting what was never is nothing', changes: [verdict(2, 'none')], want: { body: 'a', needs: undefined } },
  {
    why: 'a flag that is reverted took no body',
    changes: [verdict(2, 'flag'), verdict(3, 'none')],
    want: { verdict: undefined, needs: undefined },
  },
  {
    why: 'a reaction of a second emoji stands beside the first',
    changes: [change(2, 'reacted', { emoji: '👍' }), change(3, 'reacted', { emoji: '🎉' })],
    want: {
      reactions: [
        { emoji: '👍', users: ['bob'] },
        { emoji: '🎉', users: ['bob'] },
      ],
    },
  },
  {
    why: 'taking back what was not given is nothing',
    changes: [change(2, 'reacted', { emoji: '👍', removed: true })],
    want: { reactions: [] },
  },
];

describe('fold', () => {
  it.each(table)('$why', ({ from, changes, want }) => {
    const got = changes.reduce(fold, { ...said, ...from });
    expect(got).toEqual(
      expect.objectContaining(Object.fromEntries(Object.entries(want).filter(([, v]) => v !== undefined))),
    );
    for (const [name, value] of Object.entries(want)) if (value === undefined) expect(got).not.toHaveProperty(name);
  });

  it('returns the very object when nothing changes, so that it is not rendered again', () => {
    const folded = { ...said, folded: 5 };
    expect(fold(folded, change(4, 'edited', { body: 'b' }))).toBe(folded);
  });

  it('knows what is elided', () => {
    expect(unfolded({ ...said, elided: true, folded: 4 }).needs).toBe(4);
    expect(unfolded({ ...said, elided: true, deleted: true }).needs).toBeUndefined();
    expect(targetOf(change(9, 'renamed'))).toBe(0);
  });
});

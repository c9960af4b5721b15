import type { Tokens } from './tokens';

/**
 * The page's other tabs. A tab that opens asks them to be let in; renewed tokens and sign-outs are told to all.
 * A BroadcastChannel stays within the origin and keeps nothing.
 */
export interface Siblings {
  ask(): void;
  tell(tokens: Tokens | undefined): void;
  close(): void;
}

type Said = { kind: 'ask' } | { kind: 'tokens'; tokens: Tokens } | { kind: 'signed-out' };

export function siblings(current: () => Tokens | undefined, heard: (tokens: Tokens | undefined) => void): Siblings {
  const channel = new BroadcastChannel('chatcluster.session');
  const say = (said: Said): void => channel.postMessage(said);
  const tell = (tokens: Tokens | undefined): void => say(tokens ? { kind: 'tokens', tokens } : { kind: 'signed-out' });
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.kind === 'tokens') heard(data.tokens);
    else if (data.kind === 'signed-out') heard(undefined);
    else if (current()) tell(current());
  };
  return { ask: () => say({ kind: 'ask' }), tell, close: () => channel.close() };
}

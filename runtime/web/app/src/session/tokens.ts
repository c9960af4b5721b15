/** What a person is signed in by. It stays in memory and in this tab's session storage. */
export interface Tokens {
  /** What the gateway takes. */
  token: string;
  /** Who gave it; absent for one that was pasted. */
  issuer?: string;
  refresh?: string;
}

const key = 'chatcluster.tokens';

export function keptTokens(): Tokens | undefined {
  const kept = sessionStorage.getItem(key);
  return kept ? (JSON.parse(kept) as Tokens) : undefined;
}

export function keepTokens(tokens: Tokens | undefined): void {
  if (tokens) sessionStorage.setItem(key, JSON.stringify(tokens));
  else sessionStorage.removeItem(key);
}

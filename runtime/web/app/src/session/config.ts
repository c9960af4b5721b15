/** An issuer of tokens that the gateway trusts, and how this client is known to it. */
export interface Issuer {
  name: string;
  issuer: string;
  clientID: string;
  audience?: string;
  scopes: string[];
  /** Which of the issuer's tokens the gateway takes. */
  token: 'access_token' | 'id_token';
}

export interface Config {
  issuers: Issuer[];
  version: string;
}

/** Where the page lives, with a slash at its end: also the redirect URI of every sign-in. */
export function pageURL(): string {
  return new URL(import.meta.env.BASE_URL, location.origin).href;
}

/** Reads what the server says of itself. A server that says nothing leaves "Use a token" to sign in by. */
export async function loadConfig(fetcher: typeof fetch = fetch): Promise<Config> {
  const answer = await fetcher(new URL('config.json', pageURL()), { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`The configuration cannot be read (HTTP ${answer.status}).`);
  return parseConfig(await answer.json());
}

export function parseConfig(raw: unknown): Config {
  const config = (raw ?? {}) as { issuers?: unknown; version?: unknown };
  const issuers = Array.isArray(config.issuers) ? config.issuers : [];
  return { issuers: issuers.map(parseIssuer), version: typeof config.version === 'string' ? config.version : '' };
}

function parseIssuer(raw: unknown): Issuer {
  const it = (raw ?? {}) as Record<string, unknown>;
  const text = (key: string): string => {
    const value = it[key];
    if (typeof value !== 'string' || value === '')
      throw new Error(`The configuration names an issuer without "${key}".`);
    return value;
  };
  const issuer = text('issuer');
  const scopes = Array.isArray(it.scopes) ? it.scopes.filter((s): s is string => typeof s === 'string') : [];
  return {
    issuer,
    clientID: text('clientID'),
    name: typeof it.name === 'string' && it.name ? it.name : new URL(issuer).host,
    ...(typeof it.audience === 'string' && it.audience ? { audience: it.audience } : {}),
    scopes: scopes.includes('openid') ? scopes : ['openid', ...scopes],
    token: it.token === 'id_token' ? 'id_token' : 'access_token',
  };
}

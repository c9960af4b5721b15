/** What the client reads of a token. Only the gateway verifies: here it decides nothing but what is shown and when to renew. */
export interface Claims {
  sub: string;
  exp?: number;
  device?: string;
  nonce?: string;
}

/** The claims of a JSON Web Token, undefined for what is none. */
export function claimsOf(token: string): Claims | undefined {
  const part = token.split('.')[1];
  if (part === undefined || token.split('.').length !== 3) return undefined;
  try {
    const binary = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const claims: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (c) => c.charCodeAt(0))));
    if (typeof claims !== 'object' || claims === null) return undefined;
    const { sub, exp, device, nonce } = claims as Record<string, unknown>;
    if (typeof sub !== 'string' || sub === '') return undefined;
    return {
      sub,
      ...(typeof exp === 'number' ? { exp } : {}),
      ...(typeof device === 'string' && device ? { device } : {}),
      ...(typeof nonce === 'string' ? { nonce } : {}),
    };
  } catch {
    return undefined;
  }
}

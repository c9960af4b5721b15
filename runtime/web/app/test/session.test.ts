import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { base64url } from '../src/session/pkce';

const issuer = 'https://issuer.example.com';
const jwt = (claims: object): string =>
  ['{}', JSON.stringify(claims), 'signature'].map((part) => base64url(new TextEncoder().encode(part))).join('.');
const inSeconds = (s: number): number => Math.floor(Date.now() / 1000) + s;

/** A tab: modules of its own over what the browser shares. */
async function tab(): Promise<typeof import('../src/session/session')> {
  vi.resetModules();
  return import('../src/session/session');
}

let refreshes = 0;
beforeEach(() => {
  refreshes = 0;
  sessionStorage.clear();
  history.replaceState(null, '', '/app/');
  vi.stubGlobal('navigator', {
    ...navigator,
    onLine: true,
    locks: { request: (_: string, work: () => unknown) => work() },
  });
  vi.stubGlobal('fetch', async (input: string | URL) => {
    const url = String(input);
    if (url.endsWith('/config.json')) return Response.json({ issuers: [{ issuer, clientID: 'web' }], version: '1' });
    if (url.endsWith('/openid-configuration')) {
      return Response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
      });
    }
    refreshes++;
    return Response.json({ access_token: jwt({ sub: 'alice', exp: inSeconds(3600), n: refreshes }) });
  });
});
afterEach(() => vi.unstubAllGlobals());

describe('a session', () => {
  it('takes a pasted token, and keeps it out of everything but the session storage', async () => {
    const session = await tab();
    await session.start();
    const pasted = jwt({ sub: 'alice', exp: inSeconds(3600) });
    session.useToken(` ${pasted}\n`);
    expect(session.me.value).toBe('alice');
    expect(await session.token()).toBe(pasted);
    expect(sessionStorage.getItem('chatcluster.tokens')).toContain(pasted);
    expect(JSON.stringify(localStorage)).not.toContain(pasted);
    expect(location.href).not.toContain(pasted);
    session.forget();
    expect(sessionStorage.getItem('chatcluster.tokens')).toBeNull();
  });

  it.each([
    ['no token', 'hello', 'not a token'],
    ['one that has run out', jwt({ sub: 'alice', exp: 1 }), 'has run out'],
  ])('refuses %s and says why', async (_, pasted, why) => {
    const session = await tab();
    session.useToken(pasted);
    expect(session.me.value).toBe('');
    expect(session.trouble.value).toContain(why);
  });

  it('renews a token that is about to expire, once for all who ask', async () => {
    sessionStorage.setItem(
      'chatcluster.tokens',
      JSON.stringify({ token: jwt({ sub: 'alice', exp: inSeconds(10) }), issuer, refresh: 'r' }),
    );
    const session = await tab();
    await session.start();
    const [one, two] = await Promise.all([session.token(), session.token()]);
    expect(one).toBe(two);
    expect(refreshes).toBe(1);
  });

  it('renews a token that was refused though it is not old', async () => {
    const held = jwt({ sub: 'alice', exp: inSeconds(3600) });
    sessionStorage.setItem('chatcluster.tokens', JSON.stringify({ token: held, issuer, refresh: 'r' }));
    const session = await tab();
    await session.start();
    expect(await session.token()).toBe(held);
    expect(await session.token(true)).not.toBe(held);
  });

  it('lapses, and forgets nobody, when a pasted token runs out', async () => {
    sessionStorage.setItem('chatcluster.tokens', JSON.stringify({ token: jwt({ sub: 'alice', exp: inSeconds(-1) }) }));
    const session = await tab();
    await session.start();
    expect(session.me.value).toBe('alice');
    expect(session.lapsed.value).toBe(true);
    await expect(session.token()).rejects.toThrow('run out');
  });

  it('lets a new tab in, and signs both out', async () => {
    const first = await tab();
    await first.start();
    first.useToken(jwt({ sub: 'alice', exp: inSeconds(3600) }));
    sessionStorage.clear(); // the new tab has a storage of its own
    const second = await tab();
    await second.start();
    expect(second.me.value).toBe('alice');
    second.forget();
    await vi.waitFor(() => expect(first.me.value).toBe(''));
  });
});

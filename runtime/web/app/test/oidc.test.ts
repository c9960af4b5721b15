import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Config, parseConfig } from '../src/session/config';
import { beginSignIn, completeSignIn, renew } from '../src/session/oidc';
import { base64url, challengeOf } from '../src/session/pkce';

const issuer = 'https://issuer.example.com';
const page = 'http://localhost:3000/app/';
const config = (more: object = {}): Config =>
  parseConfig({
    issuers: [{ name: 'Example', issuer, clientID: 'web', audience: 'chat', scopes: ['openid'], ...more }],
  });

const jwt = (claims: object): string =>
  ['{}', JSON.stringify(claims), 'signature'].map((part) => base64url(new TextEncoder().encode(part))).join('.');

interface Post {
  url: string;
  form: URLSearchParams;
}

/** An issuer whose token endpoint answers what `said` says; it notes what it was asked. */
function answering(said: (form: URLSearchParams) => [status: number, body: object], discovered: object = {}): Post[] {
  const posts: Post[] = [];
  vi.stubGlobal('fetch', async (input: string | URL, init?: RequestInit) => {
    const url = String(input);
    if (url === `${issuer}/.well-known/openid-configuration`) {
      return Response.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        ...discovered,
      });
    }
    if (url !== `${issuer}/token`) throw new TypeError(`nobody is at ${url}`);
    const form = init?.body as URLSearchParams;
    posts.push({ url, form });
    const [status, body] = said(form);
    return Response.json(body, { status });
  });
  return posts;
}

async function begin(silent = false): Promise<URLSearchParams> {
  return new URL(await beginSignIn(config().issuers[0] as Config['issuers'][0], silent)).searchParams;
}

const arriveWith = (answer: Record<string, string>): void =>
  history.replaceState(null, '', `/app/?${new URLSearchParams(answer)}`);

beforeEach(() => {
  sessionStorage.clear();
  history.replaceState(null, '', '/app/#/c/d-1');
});
afterEach(() => vi.unstubAllGlobals());

describe('signing in', () => {
  it('asks with PKCE, and exchanges the code with the verifier of the challenge', async () => {
    let nonce = '';
    const posts = answering(() => [
      200,
      { access_token: jwt({ sub: 'alice' }), id_token: jwt({ sub: 'alice', nonce }), refresh_token: 'r-1' },
    ]);
    const asked = await begin();
    nonce = asked.get('nonce') ?? '';
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      client_id: 'web',
      redirect_uri: page,
      scope: 'openid',
      audience: 'chat',
      code_challenge_method: 'S256',
    });
    expect(asked.has('prompt')).toBe(false);

    arriveWith({ code: 'c-1', state: asked.get('state') ?? '' });
    const arrival = await completeSignIn(config());
    const form = posts[0]?.form as URLSearchParams;
    expect(arrival?.tokens).toEqual({ token: jwt({ sub: 'alice' }), issuer, refresh: 'r-1' });
    expect(form.get('code')).toBe('c-1');
    expect(form.get('redirect_uri')).toBe(page);
    expect(await challengeOf(form.get('code_verifier') ?? '')).toBe(asked.get('code_challenge'));
  });

  it('takes the answer out of the address bar, and goes back to where the person was', async () => {
    answering(() => [400, { error: 'invalid_grant' }]);
    const asked = await begin();
    arriveWith({ code: 'c-1', state: asked.get('state') ?? '' });
    await expect(completeSignIn(config())).rejects.toThrow('refused');
    expect(location.search).toBe('');
    expect(location.hash).toBe('#/c/d-1');
  });

  it.each([
    ['another state', { code: 'c-1', state: 'forged' }],
    ['another state with an error', { error: 'access_denied', state: 'forged' }],
  ])('refuses %s, and never asks for a token', async (_, answer) => {
    const posts = answering(() => [200, {}]);
    await begin();
    arriveWith(answer as unknown as Record<string, string>);
    await expect(completeSignIn(config())).rejects.toThrow('not started here');
    expect(posts).toEqual([]);
  });

  it('refuses an answer that comes twice', async () => {
    let nonce = '';
    answering(() => [200, { access_token: jwt({ sub: 'alice' }), id_token: jwt({ sub: 'alice', nonce }) }]);
    const asked = await begin();
    nonce = asked.get('nonce') ?? '';
    const answer = { code: 'c-1', state: asked.get('state') ?? '' };
    arriveWith(answer);
    await completeSignIn(config());
    arriveWith(answer);
    await expect(completeSignIn(config())).rejects.toThrow('not started here');
  });

  it('refuses the nonce of another sign-in', async () => {
    answering(() => [200, { access_token: jwt({ sub: 'alice' }), id_token: jwt({ sub: 'alice', nonce: 'another' }) }]);
    const asked = await begin();
    arriveWith({ code: 'c-1', state: asked.get('state') ?? '' });
    await expect(completeSignIn(config())).rejects.toThrow('not for this sign-in');
  });

  it('refuses the answer of another issuer', async () => {
    answering(() => [200, {}]);
    const asked = await begin();
    arriveWith({ code: 'c-1', state: asked.get('state') ?? '', iss: 'https://evil.example.com' });
    await expect(completeSignIn(config())).rejects.toThrow('Somebody else');
  });

  it('refuses an issuer that says it is another', async () => {
    answering(() => [200, {}], { issuer: 'https://evil.example.com' });
    await expect(begin()).rejects.toThrow('somebody else');
  });

  it('refuses an endpoint that is no web address', async () => {
    answering(() => [200, {}], { authorization_endpoint: 'javascript:alert(1)' });
    await expect(begin()).rejects.toThrow('does not say where');
  });

  it('is quiet when a silent attempt finds nobody', async () => {
    answering(() => [200, {}]);
    const asked = await begin(true);
    expect(asked.get('prompt')).toBe('none');
    arriveWith({ error: 'login_required', state: asked.get('state') ?? '' });
    expect(await completeSignIn(config())).toEqual({ hash: '#/c/d-1' });
  });

  it('gives the gateway the ID token where the configuration says so', async () => {
    let nonce = '';
    answering(() => [200, { access_token: 'opaque', id_token: jwt({ sub: 'alice', nonce }) }]);
    const asked = await begin();
    nonce = asked.get('nonce') ?? '';
    arriveWith({ code: 'c-1', state: asked.get('state') ?? '' });
    const arrival = await completeSignIn(config({ token: 'id_token' }));
    expect(arrival?.tokens?.token).toBe(jwt({ sub: 'alice', nonce }));
  });

  it('says so when the access token is none that the gateway can read', async () => {
    let nonce = '';
    answering(() => [200, { access_token: 'opaque', id_token: jwt({ sub: 'alice', nonce }) }]);
    const asked = await begin();
    nonce = asked.get('nonce') ?? '';
    arriveWith({ code: 'c-1', state: asked.get('state') ?? '' });
    await expect(completeSignIn(config())).rejects.toThrow('no token that this service can use');
  });

  it('is nothing to do for a page that nobody came back to', async () => {
    expect(await completeSignIn(config())).toBeUndefined();
  });
});

describe('renewing', () => {
  const [known] = config().issuers as [Config['issuers'][0]];

  it('keeps the refresh token that is not replaced', async () => {
    const posts = answering(() => [200, { access_token: jwt({ sub: 'alice' }) }]);
    expect(await renew(known, { token: 'old', issuer, refresh: 'r-1' })).toEqual({
      token: jwt({ sub: 'alice' }),
      issuer,
      refresh: 'r-1',
    });
    expect(posts[0]?.form.get('grant_type')).toBe('refresh_token');
  });

  it('takes the refresh token that is', async () => {
    answering(() => [200, { access_token: jwt({ sub: 'alice' }), refresh_token: 'r-2' }]);
    expect((await renew(known, { token: 'old', issuer, refresh: 'r-1' }))?.refresh).toBe('r-2');
  });

  it('has nothing to renew a pasted token with', async () => {
    expect(await renew(known, { token: 'old', issuer })).toBeUndefined();
  });
});

describe('the configuration', () => {
  it('may name no issuer', () => {
    expect(parseConfig({ version: '1.2.3' })).toEqual({ issuers: [], version: '1.2.3' });
  });
  it('asks for openid whether it says so or not', () => {
    expect(config({ scopes: ['chat'] }).issuers[0]?.scopes).toEqual(['openid', 'chat']);
  });
  it('is refused without a client', () => {
    expect(() => parseConfig({ issuers: [{ issuer }] })).toThrow('clientID');
  });
});

import { describe, expect, it } from 'vitest';
import { addressesOf, environmentOf } from '../src/environment.js';
import { OfflineError, type RefusedError } from '../src/errors.js';
import { RestClient } from '../src/rest.js';

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

/** A REST client whose answers are these, one after the other. */
function client(...answers: (Response | Error)[]) {
  const asked: Asked[] = [];
  const fresh: boolean[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}) => {
    asked.push({
      ...{ url: String(url), method: String(init.method), headers: init.headers as Record<string, string> },
      body: init.body as string | undefined,
    });
    const answer = answers.shift() ?? json({});
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const token = async (request: { fresh: boolean }) => {
    fresh.push(request.fresh);
    return 'secret';
  };
  const environment = environmentOf({ fetch: fetch as typeof globalThis.fetch, random: () => 0 });
  const rest = new RestClient('https://chat.example', () => 'web-1', { url: '', account: '', token }, environment);
  return { rest, asked, fresh };
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const problem = (status: number, code: string, more = {}) =>
  json({ type: `x/${code}`, title: '', status, code, ...more }, status);

describe('REST', () => {
  it('puts ids into paths as they must be there, and the token into the header alone', async () => {
    const { rest, asked } = client();
    await rest.addReaction('g/1 #', 7, '👍');
    expect(asked[0]?.url).toBe('https://chat.example/v1/conversations/g%2F1%20%23/messages/7/reactions/%F0%9F%91%8D');
    expect(asked[0]?.headers.Authorization).toBe('Bearer secret');
    expect(asked[0]?.url).not.toContain('secret');
  });

  it('asks the same again with the same key after a hint: it is done once', async () => {
    const { rest, asked } = client(
      problem(503, 'unavailable', { retry_after_ms: 1 }),
      problem(429, 'rate_limited'),
      json({ seq: 4, at_ms: 1 }),
    );
    expect(await rest.rename('g', 'Team')).toEqual({ seq: 4, at_ms: 1 });
    const keys = asked.map((a) => a.headers['Idempotency-Key']);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBeTruthy();
  });

  it('gives up after a few times', async () => {
    const busy = () => problem(503, 'busy', { retry_after_ms: 1 });
    const { rest, asked } = client(busy(), busy(), busy(), busy(), busy());
    await expect(rest.leave('g')).rejects.toMatchObject({ code: 'busy', status: 503 });
    expect(asked).toHaveLength(4);
  });

  it('leaves a long hint to the caller', async () => {
    const { rest, asked } = client(problem(429, 'quota_exceeded', { retry_after_ms: 60_000 }));
    await expect(rest.inbox()).rejects.toMatchObject({ retryAfterMs: 60_000, retryable: true });
    expect(asked).toHaveLength(1);
  });

  it.each(['token_expired', 'unauthenticated'])('gets a fresh token after %s, once', async (code) => {
    const { rest, fresh } = client(problem(401, code), json({ sessions: [] }));
    expect(await rest.sessions()).toEqual([]);
    expect(fresh).toEqual([false, true]);
    const twice = client(problem(401, code), problem(401, code), json({ sessions: [] }));
    await expect(twice.rest.sessions()).rejects.toMatchObject({ code });
  });

  const refusals: { why: string; answer: Response; want: Partial<RefusedError> }[] = [
    {
      why: 'a problem is its code',
      answer: problem(404, 'not_member'),
      want: { code: 'not_member', status: 404, retryAfterMs: 0 },
    },
    {
      why: 'a mute says for how long',
      answer: problem(403, 'muted', { retry_after_ms: 90_000 }),
      want: { code: 'muted', retryAfterMs: 90_000 },
    },
    {
      why: 'a code of a later release is passed on',
      answer: problem(418, 'teapot'),
      want: { code: 'teapot', status: 418 },
    },
    {
      why: "a proxy's page is no problem of the gateway's",
      answer: new Response('<html>', { status: 404 }),
      want: { code: 'internal', status: 404 },
    },
    {
      why: 'a proxy that has no gateway behind it says when to come back',
      answer: new Response('<html>', { status: 502, headers: { 'Retry-After': '30' } }),
      want: { code: 'unavailable', retryAfterMs: 30_000 },
    },
  ];
  it.each(refusals)('$why', async ({ answer, want }) => {
    const { rest } = client(answer);
    await expect(rest.conversation('g')).rejects.toMatchObject(want);
  });

  it('tells no answer from a refusal, and repeats nothing of an answer that it cannot read', async () => {
    await expect(client(new TypeError('failed to fetch')).rest.devices()).rejects.toBeInstanceOf(OfflineError);
    const unreadable = client(new Response('{"body": "what alice wrote', { status: 200 })).rest.history('g');
    await expect(unreadable).rejects.toThrow('the answer cannot be read');
    await unreadable.catch((error: Error) => expect(`${error.message}${error.cause ?? ''}`).not.toContain('alice'));
  });

  it('sends what each call says', async () => {
    const { rest, asked } = client(
      json({}),
      json({}),
      json({}),
      json({ presence: [] }),
      json({ seq: 3 }),
      new Response(null, { status: 204 }),
    );
    await rest.createGroup('Team', ['bob'], { key: 'k-1' });
    await rest.history('g', { after: 0, limit: 200 });
    await rest.inbox({ archived: true, cursor: 'c' });
    await rest.presence(['bob', 'carol & dave']);
    await rest.markDelivered('g', 3);
    await rest.signOutAll();
    expect(asked.map((a) => [a.method, a.url.slice('https://chat.example'.length), a.body])).toEqual([
      ['POST', '/v1/conversations', '{"kind":"group","title":"Team","members":["bob"]}'],
      ['GET', '/v1/conversations/g/messages?after=0&limit=200', undefined],
      ['GET', '/v1/inbox?cursor=c&archived=true', undefined],
      ['GET', '/v1/presence?user=bob&user=carol+%26+dave', undefined],
      ['POST', '/v1/conversations/g/delivered', '{"seq":3,"device":"web-1"}'],
      ['POST', '/v1/sign-out-all', undefined],
    ]);
    expect(asked[0]?.headers['Idempotency-Key']).toBe('k-1');
  });
});

describe('addresses', () => {
  it.each([
    ['https://chat.example', 'wss://chat.example/v1/ws', 'https://chat.example'],
    ['ws://127.0.0.1:18080/', 'ws://127.0.0.1:18080/v1/ws', 'http://127.0.0.1:18080'],
    ['wss://example/chat/v1/ws', 'wss://example/chat/v1/ws', 'https://example/chat'],
  ])('of %s', (url, socket, rest) => {
    expect(addressesOf(url)).toEqual({ socket, rest });
  });

  it('of another scheme are none', () => {
    expect(() => addressesOf('ftp://chat.example')).toThrow(TypeError);
  });
});

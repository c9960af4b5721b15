import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const page = 'http://localhost:3000/app/';
const html = (asset: string): string => `<script type="module" src="/app/assets/${asset}"></script>`;
const modulePath = '../src/offline/worker';

/** What a service worker finds around it: a cache, a network that can be cut, and the events that it is told of. */
class World {
  readonly listeners = new Map<string, (event: object) => void>();
  readonly kept = new Map<string, Response>();
  network: Record<string, string> = {};
  asked: string[] = [];

  fetch = async (input: string | Request): Promise<Response> => {
    const url = typeof input === 'string' ? input : input.url;
    this.asked.push(url);
    const body = this.network[url.replace(/\?.*/, '')];
    if (body === undefined) throw new TypeError('there is no network');
    return new Response(body);
  };
  cache = {
    match: async (key: string) => this.kept.get(key)?.clone(),
    put: async (key: string, answer: Response) => void this.kept.set(key, answer),
    delete: async (key: string) => this.kept.delete(key),
    keys: async () => [...this.kept.keys()].map((url) => ({ url })),
    addAll: async (urls: string[]) => {
      for (const url of urls) this.kept.set(url, await this.fetch(url));
    },
  };

  async start(): Promise<void> {
    vi.resetModules();
    vi.stubGlobal('location', new URL('sw.js', page));
    vi.stubGlobal('addEventListener', (name: string, f: (event: object) => void) => this.listeners.set(name, f));
    vi.stubGlobal('skipWaiting', async () => undefined);
    vi.stubGlobal('caches', { open: async () => this.cache });
    vi.stubGlobal('fetch', this.fetch);
    await import(modulePath);
    const work: Promise<unknown>[] = [];
    this.listeners.get('install')?.({ waitUntil: (w: Promise<unknown>) => work.push(w) });
    await Promise.all(work);
    this.asked = [];
  }

  /** What the page gets; undefined where the worker leaves it to the browser. */
  async get(url: string, init: { mode?: string; method?: string } = {}): Promise<string | undefined> {
    let answer: Promise<Response> | undefined;
    const work: Promise<unknown>[] = [];
    this.listeners.get('fetch')?.({
      request: { url, method: 'GET', ...init },
      respondWith: (a: Promise<Response>) => {
        answer = a;
      },
      waitUntil: (w: Promise<unknown>) => work.push(w),
    });
    const body = await (await answer)?.text();
    await Promise.all(work);
    return body;
  }
}

let world: World;
beforeEach(async () => {
  world = new World();
  world.network = { [page]: html('a-1.js'), [`${page}config.json`]: '{}', [`${page}assets/a-1.js`]: 'one' };
  await world.start();
});
afterEach(() => vi.unstubAllGlobals());

describe('the service worker', () => {
  it('opens the page without a network', async () => {
    world.network = {};
    expect(await world.get(page, { mode: 'navigate' })).toBe(html('a-1.js'));
    expect(await world.get(`${page}assets/a-1.js`)).toBe('one');
    expect(await world.get(`${page}config.json`)).toBe('{}');
  });

  it('shows the new page where there is a network, and keeps what it needs and no more', async () => {
    world.network = { [page]: html('a-2.js'), [`${page}assets/a-2.js`]: 'two' };
    expect(await world.get(page, { mode: 'navigate' })).toBe(html('a-2.js'));
    world.network = {};
    expect(await world.get(page, { mode: 'navigate' })).toBe(html('a-2.js'));
    expect([...world.kept.keys()]).toEqual(expect.arrayContaining([page, `${page}assets/a-2.js`]));
    expect(world.kept.has(`${page}assets/a-1.js`)).toBe(false);
  });

  it('keeps nothing of a sign-in', async () => {
    await world.get(`${page}?code=secret&state=s`, { mode: 'navigate' });
    expect([...world.kept.keys()].join()).not.toContain('secret');
    expect(world.asked).toContain(`${page}?code=secret&state=s`);
  });

  it('leaves everything else alone', async () => {
    expect(await world.get('http://localhost:3000/v1/inbox')).toBeUndefined();
    expect(await world.get(page, { mode: 'navigate', method: 'POST' })).toBeUndefined();
    expect(await world.get('https://issuer.example.com/.well-known/openid-configuration')).toBeUndefined();
  });
});

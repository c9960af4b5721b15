/**
 * Lets the page open without a connection. It keeps the page, its assets and the configuration, and nothing else: what people say is
 * the SDK's, in IndexedDB, and neither REST nor tokens pass through here.
 */
interface Worker extends EventTarget {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
}
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Waiting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const worker = globalThis as unknown as Worker;
const store = 'chatcluster-page-1';
const page = new URL('./', worker.location.href).href;
const config = `${page}config.json`;
const assets = `${page}assets/`;
/** A network that does not answer within this time is none. */
const patience = 4000;

on('install', (event: Waiting) => event.waitUntil(refresh().then(() => worker.skipWaiting())));
on('activate', (event: Waiting) => event.waitUntil(worker.clients.claim()));
on('fetch', (event: Asked) => {
  const { request } = event;
  const url = request.url.replace(/[?#].*$/s, '');
  if (request.method !== 'GET') return;
  if (url.startsWith(assets)) event.respondWith(fromStore(request));
  // A sign-in's answer is in the query: the page is kept without it.
  else if (url === page && request.mode === 'navigate') event.respondWith(fromNetwork(request, page, event));
  else if (url === config) event.respondWith(fromNetwork(request, config, event));
});

function on<E extends Event>(name: string, listener: (event: E) => void): void {
  worker.addEventListener(name, listener as (event: Event) => void);
}

/** Keeps what there is now. */
async function refresh(): Promise<void> {
  for (const key of [page, config]) {
    const answer = await fetch(key, { cache: 'no-cache' });
    if (answer.ok) await keep(key, answer);
  }
}

/** Keeps an answer. With the page go the assets that it names, and those that it does not name any more. */
async function keep(key: string, answer: Response): Promise<void> {
  const kept = await caches.open(store);
  if (key === page) {
    const named = new Set(
      Array.from((await answer.clone().text()).matchAll(/assets\/[\w.-]+/g), ([name]) => page + name),
    );
    const had = new Set((await kept.keys()).map((request) => request.url));
    await kept.addAll([...named].filter((url) => !had.has(url)));
    await Promise.all(
      [...had].filter((url) => url.startsWith(assets) && !named.has(url)).map((url) => kept.delete(url)),
    );
  }
  await kept.put(key, answer);
}

/** Assets are named by what is in them: what is kept is right. */
async function fromStore(request: Request): Promise<Response> {
  return (await (await caches.open(store)).match(request.url)) ?? fetch(request);
}

async function fromNetwork(request: Request, key: string, event: Asked): Promise<Response> {
  try {
    const answer = await within(fetch(request), patience);
    if (answer.ok && !answer.redirected) event.waitUntil(keep(key, answer.clone()).catch(() => undefined));
    if (answer.status < 500) return answer;
    return (await (await caches.open(store)).match(key)) ?? answer;
  } catch (error) {
    const kept = await (await caches.open(store)).match(key);
    if (kept) return kept;
    throw error;
  }
}

function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the network does not answer')), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export {};

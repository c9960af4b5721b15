import type { Environment } from './types.js';

/** What the platform has, and what the options put in its place. */
export function environmentOf(given: Partial<Environment> = {}): Environment {
  return {
    WebSocket: globalThis.WebSocket,
    fetch: (input, init) => globalThis.fetch(input, init),
    locks: globalThis.navigator?.locks,
    BroadcastChannel: globalThis.BroadcastChannel,
    indexedDB: globalThis.indexedDB,
    random: Math.random,
    uuid,
    ...given,
  };
}

/** crypto.randomUUID is there on secure origins alone; development is not always on one. */
function uuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The addresses of the socket and of REST. */
export function addressesOf(url: string): { socket: string; rest: string } {
  const u = new URL(url);
  const secure = u.protocol === 'https:' || u.protocol === 'wss:';
  if (!secure && u.protocol !== 'http:' && u.protocol !== 'ws:') {
    throw new TypeError(`the url ${u.protocol}//${u.host} is neither https, wss, http nor ws`);
  }
  const base = u.host + u.pathname.replace(/\/$/, '').replace(/\/v1\/ws$/, '');
  return { socket: `ws${secure ? 's' : ''}://${base}/v1/ws`, rest: `http${secure ? 's' : ''}://${base}` };
}

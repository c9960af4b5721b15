import { signal } from '@preact/signals';

/** Where in the page the person is. It is in the fragment, so that going back works. */
export type Route = { at: 'inbox' } | { at: 'conversation'; id: string } | { at: 'settings' };

export const route = signal<Route>(routeOf(location.hash));

addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});

export function routeOf(hash: string): Route {
  if (hash === '#/settings') return { at: 'settings' };
  const id = /^#\/c\/(.+)$/.exec(hash)?.[1];
  try {
    return id ? { at: 'conversation', id: decodeURIComponent(id) } : { at: 'inbox' };
  } catch {
    return { at: 'inbox' };
  }
}

export const conversationHref = (id: string): string => `#/c/${encodeURIComponent(id)}`;

export function go(hash: string): void {
  location.hash = hash;
}

import { CloseError, type ConnectionState, OfflineError } from '@chatcluster/client';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConnectionBanner } from '../src/chat/ConnectionBanner';
import { client } from '../src/chat/connect';
import { explain } from '../src/chat/explain';
import { ClientContext } from '../src/chat/useReadable';
import { FakeClient } from './fakeClient';

let fake: FakeClient;
beforeEach(() => {
  fake = new FakeClient();
  client.value = fake;
  render(
    <ClientContext.Provider value={fake}>
      <ConnectionBanner />
    </ClientContext.Provider>,
  );
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
const banner = (): HTMLElement | null => screen.queryByRole('status', { name: 'Connection' });
const say = (state: object): void => fake.connection.set({ role: 'leader', ...state } as ConnectionState);

it('the banner is silent while there is a connection', () => {
  expect(banner()).toBeNull();
});

it('the banner says nothing of a connection that is soon back, and tells of one that is not', async () => {
  vi.useFakeTimers();
  say({ phase: 'waiting', retryAt: Date.now() + 5000, error: new OfflineError('gone') });
  await vi.advanceTimersByTimeAsync(500);
  expect(banner()).toBeNull();
  await vi.advanceTimersByTimeAsync(2000);
  expect(banner()?.textContent).toContain('Offline');
  say({ phase: 'online', user: 'alice', device: 'web-1' });
  await vi.advanceTimersByTimeAsync(50);
  expect(banner()).toBeNull();
});

it('the banner tells at once when the browser is offline', async () => {
  const online = vi.spyOn(navigator, 'onLine', 'get').mockReturnValue(false);
  fireEvent(window, new Event('offline'));
  await waitFor(() => expect(banner()?.textContent).toContain('what you write is sent later'));
  online.mockReturnValue(true);
  fireEvent(window, new Event('online'));
  await waitFor(() => expect(banner()).toBeNull());
});

it.each([
  [new CloseError(3501), 'connected somewhere else', 'Use it here'],
  [new CloseError(3505), 'too many devices', 'Try again'],
  [new CloseError(3506), 'suspended', 'Try again'],
])('the banner says what to do when the gateway gives up', async (error, text, button) => {
  const start = vi.spyOn(fake, 'start');
  say({ phase: 'ended', error });
  await waitFor(() => expect(banner()?.textContent).toContain(text));
  fireEvent.click(screen.getByRole('button', { name: button }));
  expect(start).toHaveBeenCalledOnce();
});

it('errors are told as what to do', () => {
  expect(explain(new OfflineError('fetch failed'))).toMatch(/when you are online/);
  expect(explain(new Error('x'))).toBe('x');
  expect(explain(42)).toMatch(/Reload/);
});

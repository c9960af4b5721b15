import { RefusedError } from '@chatcluster/client';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientContext } from '../src/chat/useReadable';
import { Inbox } from '../src/inbox/Inbox';
import { useToken } from '../src/session/session';
import { FakeClient, FakeConversation, summary } from './fakeClient';

let client: FakeClient;

function show(...all: Parameters<typeof summary>[0][]): void {
  for (const [i, change] of all.entries()) {
    const about = summary({ id: `d-${i + 1}`, ...change });
    client.add(new FakeConversation(about.id, about, []));
  }
  render(
    <ClientContext.Provider value={client}>
      <Inbox />
    </ClientContext.Provider>,
  );
}
const names = (): (string | null)[] => screen.queryAllByRole('link').map((link) => link.getAttribute('aria-label'));
const search = (): HTMLElement => screen.getByRole('searchbox', { name: 'Search' });

beforeEach(() => {
  client = new FakeClient();
  location.hash = '';
  useToken(`e30.${btoa(JSON.stringify({ sub: 'alice' }))}.x`);
});
afterEach(cleanup);

describe('the inbox', () => {
  it('says who wrote what, and how much of it is unread', () => {
    show(
      { peer: 'bob', unread: 2, lastSender: 'bob', lastPreview: 'Hello', lastAtMs: 1 },
      { kind: 'group', title: 'Team', lastSender: 'carol', lastPreview: 'Hi', lastAtMs: 1 },
      { peer: 'dave', lastSender: 'alice', lastPreview: 'Bye', lastAtMs: 1 },
    );
    expect(names()).toEqual(['bob, 2 unread', 'Team', 'dave']);
    const described = screen
      .getAllByRole('link')
      .map((link) => document.getElementById(link.getAttribute('aria-describedby') ?? '')?.textContent);
    expect(described).toEqual(['Hello', 'carol: Hi', 'You: Bye']);
  });

  it('finds titles and previews, archived ones too, and opens the first on Enter', async () => {
    show({ peer: 'bob', lastPreview: 'apples' }, { peer: 'carol', lastPreview: 'pears', archived: true });
    expect(names()).toEqual(['bob']);
    fireEvent.input(search(), { target: { value: 'PEAR' } });
    await waitFor(() => expect(names()).toEqual(['carol']));
    fireEvent.keyDown(search(), { key: 'Enter' });
    expect(location.hash).toBe('#/c/d-2');
    fireEvent.input(search(), { target: { value: 'plums' } });
    await waitFor(() => expect(screen.getByText('Nothing is called “plums”.')).toBeTruthy());
  });

  it('is searched by Ctrl+K', async () => {
    show({});
    fireEvent.keyDown(document.body, { key: 'k', ctrlKey: true });
    await waitFor(() => expect(document.activeElement).toBe(search()));
  });

  it('is walked with arrows, and is one stop of the Tab key', () => {
    show({ peer: 'bob' }, { peer: 'carol' }, { peer: 'dave' });
    const links = screen.getAllByRole('link');
    expect(links.map((link) => link.tabIndex)).toEqual([0, -1, -1]);
    links[0]?.focus();
    fireEvent.keyDown(links[0] as HTMLElement, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(links[1]);
    fireEvent.keyDown(links[1] as HTMLElement, { key: 'End' });
    expect(document.activeElement).toBe(links[2]);
    fireEvent.keyDown(links[2] as HTMLElement, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(links[2]);
  });

  it('says why it could not be had, and tries again', () => {
    client.inboxStore.patch({ loaded: false, error: new RefusedError('unavailable') });
    const refresh = vi.spyOn(client.inbox, 'refresh');
    show();
    expect(screen.getByRole('alert').textContent).toContain('did not answer');
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(refresh).toHaveBeenCalledOnce();
  });
});

describe('a new conversation', () => {
  const start = (): void =>
    void fireEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Start' }));
  const created = (): unknown[][] =>
    client.calls.filter((c) => c.name.startsWith('create')).map((c) => [c.name, ...c.args]);

  async function open(): Promise<void> {
    show({});
    fireEvent.click(screen.getByRole('button', { name: 'New conversation' }));
    await screen.findByRole('dialog', { name: 'New conversation' });
  }

  it('with somebody is opened', async () => {
    await open();
    fireEvent.input(screen.getByRole('textbox', { name: 'Person' }), { target: { value: ' bob ' } });
    start();
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(created()).toEqual([['createDirect', 'bob']]);
    expect(location.hash).toBe('#/c/d-1');
  });

  it('with nobody, or oneself, is none', async () => {
    await open();
    start();
    expect((await screen.findByRole('alert')).textContent).toContain('whom');
    fireEvent.input(screen.getByRole('textbox', { name: 'Person' }), { target: { value: 'alice' } });
    start();
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('That is you'));
    expect(created()).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Close' }));
  });

  it('that is tried again makes no second group; another one is another', async () => {
    await open();
    let tries = 0;
    const keys: string[] = [];
    client.answers.createGroup = async (_title, _members, options) => {
      keys.push((options as { key: string }).key);
      if (++tries < 3) throw new RefusedError('unavailable');
      return { id: 'g-1', kind: 'group', created: true };
    };
    fireEvent.click(screen.getByRole('radio', { name: 'Group' }));
    fireEvent.input(await screen.findByRole('textbox', { name: 'Group name' }), { target: { value: 'Team' } });
    fireEvent.input(screen.getByRole('textbox', { name: 'Members' }), { target: { value: 'bob, carol alice,bob' } });
    start();
    await screen.findByRole('alert');
    await waitFor(() => expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Start' }).disabled).toBe(false));
    start();
    await waitFor(() => expect(keys).toHaveLength(2));
    expect(keys[1]).toBe(keys[0]);
    await waitFor(() => expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Start' }).disabled).toBe(false));
    fireEvent.input(screen.getByRole('textbox', { name: 'Group name' }), { target: { value: 'Other' } });
    await waitFor(() =>
      expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'Group name' }).value).toBe('Other'),
    );
    start();
    await waitFor(() => expect(keys).toHaveLength(3));
    expect(keys[2]).not.toBe(keys[0]);
    expect(created().map((c) => c.slice(0, 3))).toEqual([
      ['createGroup', 'Team', ['bob', 'carol']],
      ['createGroup', 'Team', ['bob', 'carol']],
      ['createGroup', 'Other', ['bob', 'carol']],
    ]);
  });
});

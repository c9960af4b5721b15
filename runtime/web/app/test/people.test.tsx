import { RefusedError } from '@chatcluster/client';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClientContext } from '../src/chat/useReadable';
import { ConversationView } from '../src/conversation/ConversationView';
import { useToken } from '../src/session/session';
import { Confirmation } from '../src/ui/confirm';
import { Notices } from '../src/ui/notices';
import { FakeClient, FakeConversation, summary } from './fakeClient';

let client: FakeClient;
let talk: FakeConversation;

async function show(mine: 'owner' | 'admin' | 'member'): Promise<void> {
  client.members = [
    { user: 'alice', role: mine, joined: 1 },
    { user: 'bob', role: 'admin', joined: 1 },
    { user: 'carol', role: 'member', joined: 1 },
  ];
  talk = client.add(new FakeConversation('g-1', summary({ id: 'g-1', kind: 'group', title: 'Team' }), []));
  render(
    <ClientContext.Provider value={client}>
      <ConversationView id="g-1" />
      <Confirmation />
      <Notices />
    </ClientContext.Provider>,
  );
  fireEvent.click(screen.getByRole('button', { name: 'Details' }));
  await within(await screen.findByRole('list', { name: 'Members' })).findByText('carol');
}
const called = (name: string): unknown[][] => client.calls.filter((c) => c.name === name).map((c) => c.args);

beforeEach(() => {
  client = new FakeClient();
  useToken(`e30.${btoa(JSON.stringify({ sub: 'alice' }))}.x`);
});
afterEach(cleanup);

describe('the details of a group', () => {
  it('let an owner change roles, and wait for the log to say so', async () => {
    await show('owner');
    const role = screen.getByRole<HTMLSelectElement>('combobox', { name: 'Role of carol' });
    fireEvent.change(role, { target: { value: 'admin' } });
    expect(called('changeRole')).toEqual([['g-1', 'carol', 'admin']]);
    expect(role.value).toBe('member');
  });

  it('let an admin remove members, but neither admins nor themselves', async () => {
    await show('admin');
    expect(screen.queryByRole('combobox', { name: /^Role/ })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Remove bob' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Remove alice' })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Remove carol' }));
    const question = await screen.findByRole('dialog', { name: 'Remove carol?' });
    expect(called('removeMember')).toEqual([]);
    fireEvent.click(within(question).getByRole('button', { name: 'Remove' }));
    await waitFor(() => expect(called('removeMember')).toEqual([['g-1', 'carol']]));
  });

  it('let a member look and leave', async () => {
    await show('member');
    expect(screen.queryByRole('textbox', { name: 'Group name' })).toBeNull();
    expect(screen.queryByRole('textbox', { name: 'Add people' })).toBeNull();
    expect(screen.queryByRole('button', { name: /^Remove/ })).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Leave group' }));
    fireEvent.click(
      within(await screen.findByRole('dialog', { name: 'Leave group?' })).getByRole('button', { name: 'Leave' }),
    );
    await waitFor(() => expect(called('leave')).toEqual([['g-1']]));
  });

  it('say why something is refused', async () => {
    client.answers.addMembers = async () => {
      throw new RefusedError('forbidden', 'admins add plain members');
    };
    await show('admin');
    fireEvent.input(screen.getByRole('textbox', { name: 'Add people' }), { target: { value: 'dave' } });
    fireEvent.click(await screen.findByRole('button', { name: 'Add' }));
    expect(await screen.findByText('Admins add plain members.')).toBeTruthy();
  });

  it('mute for a time, and pin', async () => {
    await show('member');
    fireEvent.change(screen.getByRole('combobox', { name: 'Mute' }), { target: { value: '8 hours' } });
    fireEvent.click(screen.getByRole('checkbox', { name: 'Pin' }));
    const [muted, pinned] = called('setPreferences') as [string, { muted_until_ms?: number; pinned?: boolean }][];
    expect((muted?.[1].muted_until_ms ?? 0) - Date.now()).toBeGreaterThan(7.9 * 3_600_000);
    expect(pinned).toEqual(['g-1', { pinned: true }]);
  });

  it('close on Escape, and give the focus back', async () => {
    talk = client.add(new FakeConversation('g-1', summary({ id: 'g-1', kind: 'group', title: 'Team' }), []));
    render(
      <ClientContext.Provider value={client}>
        <ConversationView id="g-1" />
      </ClientContext.Provider>,
    );
    const opener = screen.getByRole('button', { name: 'Details' });
    opener.focus();
    fireEvent.click(opener);
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Close details' })));
    fireEvent.keyDown(screen.getByRole('button', { name: 'Close details' }), { key: 'Escape' });
    await waitFor(() => expect(screen.queryByRole('complementary', { name: 'Details' })).toBeNull());
    expect(document.activeElement).toBe(opener);
  });
});

it('a conversation that was left can be read, not written', async () => {
  await show('member');
  talk.patch({ summary: { ...talk.getSnapshot().summary, left: true } });
  await waitFor(() => expect(screen.queryByRole('textbox', { name: 'Message' })).toBeNull());
  expect(screen.getByText(/What was said stays readable/)).toBeTruthy();
});

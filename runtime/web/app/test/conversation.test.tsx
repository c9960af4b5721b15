import { RefusedError } from '@chatcluster/client';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientContext } from '../src/chat/useReadable';
import { forgetDrafts } from '../src/composer/drafts';
import { ConversationView } from '../src/conversation/ConversationView';
import { useToken } from '../src/session/session';
import { Confirmation } from '../src/ui/confirm';
import { Notices } from '../src/ui/notices';
import { FakeClient, FakeConversation, message, summary } from './fakeClient';

let client: FakeClient;
let talk: FakeConversation;

function show(...items: Parameters<typeof message>[]): void {
  talk = client.add(
    new FakeConversation(
      'd-1',
      summary(),
      items.map((item) => message(...item)),
    ),
  );
  render(
    <ClientContext.Provider value={client}>
      <ConversationView id="d-1" />
      <Confirmation />
      <Notices />
    </ClientContext.Provider>,
  );
}

const box = (): HTMLTextAreaElement => screen.getByRole('textbox', { name: 'Message' });
const write = (text: string): void => void fireEvent.input(box(), { target: { value: text } });
const called = (name: string): unknown[][] => talk.calls.filter((c) => c.name === name).map((c) => c.args);

beforeEach(() => {
  client = new FakeClient();
  forgetDrafts();
  useToken(`e30.${btoa(JSON.stringify({ sub: 'alice' }))}.x`);
});
afterEach(cleanup);

describe('what people wrote', () => {
  const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script> <a href="javascript:alert(3)">x</a> &lt;b&gt;';
  it('is text, whatever it looks like', () => {
    show([1, { body: evil, sender: evil }]);
    const said = screen.getByRole('article');
    expect(said.textContent).toContain(evil);
    expect(said.querySelector('img, script, a')).toBeNull();
  });
  it('is text in titles and notices, too', () => {
    talk = client.add(
      new FakeConversation('g-1', summary({ id: 'g-1', kind: 'group', title: evil }), [
        {
          kind: 'renamed',
          key: 'n-1',
          conversation: 'g-1',
          seq: 1,
          sender: 'bob',
          atMs: 1,
          members: [],
          users: [],
          title: evil,
        },
      ]),
    );
    render(
      <ClientContext.Provider value={client}>
        <ConversationView id="g-1" />
      </ClientContext.Provider>,
    );
    expect(screen.getByRole('heading', { name: /onerror/ }).textContent).toBe(evil);
    expect(document.querySelector('main img, main script, main a[href^=javascript]')).toBeNull();
  });
  it('leads where it says, and takes nothing along', () => {
    show([1, { body: 'see https://example.com/x.' }]);
    const link = screen.getByRole('link', { name: 'https://example.com/x' });
    expect(link.getAttribute('href')).toBe('https://example.com/x');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer');
  });
});

describe('the composer', () => {
  it('sends on Enter and is empty then', () => {
    show();
    write('Hello');
    fireEvent.keyDown(box(), { key: 'Enter' });
    expect(called('send')).toEqual([['Hello']]);
    expect(box().value).toBe('');
    expect(screen.getByRole('article', { name: /^You/ }).textContent).toContain('Hello');
    expect(screen.getByRole('img', { name: 'Sending' })).toBeTruthy();
  });
  it('breaks lines on Shift+Enter, and leaves a composition alone', () => {
    show();
    write('Hello');
    fireEvent.keyDown(box(), { key: 'Enter', shiftKey: true });
    fireEvent.keyDown(box(), { key: 'Enter', isComposing: true });
    expect(called('send')).toEqual([]);
  });
  it('sends nothing that is empty or too long', () => {
    show();
    write('  \n');
    fireEvent.keyDown(box(), { key: 'Enter' });
    write('ä'.repeat(8193));
    fireEvent.keyDown(box(), { key: 'Enter' });
    expect(called('send')).toEqual([]);
    expect(screen.getByText(/Too long by 2 bytes/)).toBeTruthy();
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Send' }).disabled).toBe(true);
  });
  it('says that somebody writes, and that they stopped', () => {
    show();
    write('H');
    write('');
    expect(called('setTyping')).toEqual([[true], [false]]);
  });
  it('keeps what was not sent', () => {
    show();
    write('Half a tho');
    cleanup();
    show();
    expect(box().value).toBe('Half a tho');
  });
  it('edits what was said last on ArrowUp, and keeps the draft', async () => {
    show([1, { sender: 'alice', body: 'Helo' }], [2]);
    fireEvent.keyDown(box(), { key: 'ArrowUp' });
    await waitFor(() => expect(box().value).toBe('Helo'));
    write('Hello');
    fireEvent.click(screen.getByRole('button', { name: 'Save edit' }));
    expect(called('edit')).toEqual([[1, 'Hello']]);
    await waitFor(() => expect(box().value).toBe(''));
  });
  it('gives an edit up on Escape', async () => {
    show([1, { sender: 'alice', body: 'Helo' }]);
    fireEvent.keyDown(box(), { key: 'ArrowUp' });
    await waitFor(() => expect(box().value).toBe('Helo'));
    fireEvent.keyDown(box(), { key: 'Escape' });
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Cancel edit' })).toBeNull());
    expect(called('edit')).toEqual([]);
  });
  it('says why something could not be sent, and keeps it', () => {
    show();
    vi.spyOn(talk, 'send').mockImplementation(() => {
      throw new RefusedError('too_large');
    });
    write('Hello');
    fireEvent.click(screen.getByRole('button', { name: 'Send' }));
    expect(screen.getByText(/too long/i)).toBeTruthy();
    expect(box().value).toBe('Hello');
  });
});

describe('a message', () => {
  const open = (name: RegExp): void => {
    fireEvent.click(within(screen.getByRole('article', { name })).getByRole('button', { name: 'Message actions' }));
  };
  it('that failed can be sent again or dropped', () => {
    show([1, { sender: 'alice', state: 'failed', error: new RefusedError('muted', 'until tomorrow'), seq: 0 }]);
    expect(screen.getByRole('img', { name: 'Failed' })).toBeTruthy();
    expect(screen.getByText('You are muted: until tomorrow.')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
    fireEvent.click(screen.getByRole('button', { name: 'Discard' }));
    expect(called('retry')).toEqual([['m-1']]);
    expect(called('discard')).toEqual([['m-1']]);
  });
  it.each([
    ['flag', 'Flagged by moderation'],
    ['mask', 'Masked by moderation'],
    ['hide', 'Hidden by moderation'],
  ])('says that moderation %ss it', (action, note) => {
    show([1, { verdict: { action }, body: action === 'hide' ? '' : 'x' }]);
    expect(screen.getByRole('note', { name: note })).toBeTruthy();
  });
  it('that was deleted says so and nothing else', () => {
    show([1, { deleted: true, body: '', reactions: [{ emoji: '👍', users: ['bob'] }] }]);
    expect(screen.getByText('This message was deleted')).toBeTruthy();
    expect(within(screen.getByRole('article')).queryByRole('button')).toBeNull();
  });
  it('takes reactions, and gives one’s own back', () => {
    show([1, { reactions: [{ emoji: '👍', users: ['alice', 'bob'] }] }]);
    const reaction = screen.getByRole('button', { name: '👍 2' });
    expect(reaction.getAttribute('aria-pressed')).toBe('true');
    fireEvent.click(reaction);
    open(/^bob/);
    fireEvent.click(screen.getByRole('menuitem', { name: 'React with 😂' }));
    expect(called('react')).toEqual([
      [1, '👍', true],
      [1, '😂', false],
    ]);
  });
  it('of another can be neither edited nor deleted in a direct conversation', () => {
    show([1]);
    open(/^bob/);
    expect(screen.queryByRole('menuitem', { name: 'Edit' })).toBeNull();
    expect(screen.queryByRole('menuitem', { name: 'Delete' })).toBeNull();
  });
  it('is deleted only after a yes', async () => {
    show([1, { sender: 'alice' }]);
    open(/^You/);
    fireEvent.click(screen.getByRole('menuitem', { name: 'Delete' }));
    fireEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
    expect(called('delete')).toEqual([]);
    open(/^You/);
    fireEvent.click(screen.getByRole('menuitem', { name: 'Delete' }));
    fireEvent.click(await screen.findByRole('button', { name: 'Delete' }));
    await waitFor(() => expect(called('delete')).toEqual([[1]]));
  });
});

describe('reading', () => {
  it('marks as read what shows, while somebody looks', async () => {
    vi.spyOn(document, 'hasFocus').mockReturnValue(true);
    show([1], [2]);
    await waitFor(() => expect(called('markRead').at(-1)).toEqual([2]));
  });
  it('marks nothing while nobody looks, and all of it when somebody does', async () => {
    const focus = vi.spyOn(document, 'hasFocus').mockReturnValue(false);
    show([1], [2]);
    await screen.findAllByRole('article');
    expect(called('markRead')).toEqual([]);
    focus.mockReturnValue(true);
    fireEvent.focus(window);
    expect(called('markRead')).toEqual([[2]]);
  });
});

it('says who writes', async () => {
  show();
  talk.patch({ typing: ['bob', 'alice'] });
  await waitFor(() => expect(screen.getByRole('status', { name: 'Typing' }).textContent).toBe('bob is typing…'));
});

import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { ConnectionBanner } from './chat/ConnectionBanner';
import { client } from './chat/connect';
import { titleOf } from './chat/title';
import { ClientContext, useClient, useReadable } from './chat/useReadable';
import { ConversationView } from './conversation/ConversationView';
import { Inbox } from './inbox/Inbox';
import { isMuted } from './people/Preferences';
import { conversationHref, route } from './route';
import { SignIn } from './session/SignIn';
import { starting } from './session/session';
import { Settings } from './settings/Settings';
import { Confirmation } from './ui/confirm';
import { Mark } from './ui/icons';
import { Announcements, announce, Notices } from './ui/notices';

export function App(): VNode {
  const mine = client.value;
  return (
    <>
      {mine ? (
        <ClientContext.Provider value={mine}>
          <Frame />
        </ClientContext.Provider>
      ) : starting.value ? (
        <main class="sign-in" aria-busy="true" aria-label="Loading">
          <Mark />
        </main>
      ) : (
        <SignIn />
      )}
      <Confirmation />
      <Notices />
      <Announcements />
    </>
  );
}

function Frame(): VNode {
  const at = route.value;
  useAnnouncements();
  return (
    <div class={`frame at-${at.at}`}>
      <ConnectionBanner />
      <div class="panes">
        <Inbox />
        {at.at === 'conversation' && <ConversationView key={at.id} id={at.id} />}
        {at.at === 'settings' && <Settings />}
        {at.at === 'inbox' && (
          <main class="nothing" aria-label="No conversation">
            <Mark />
            <p>Choose a conversation, or start one.</p>
            <p class="hint">
              <kbd>Ctrl</kbd> <kbd>K</kbd> searches
            </p>
          </main>
        )}
      </div>
    </div>
  );
}

/** Says new messages to screen readers, and counts the unread ones in the title. */
function useAnnouncements(): void {
  const mine = useClient();
  const { conversations } = useReadable(mine.inbox);
  const unread = conversations.reduce((sum, c) => sum + (isMuted(c) ? 0 : c.unread), 0);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ChatCluster` : 'ChatCluster';
  }, [unread]);
  useEffect(
    () =>
      mine.onArrival(({ conversation, message }) => {
        const summary = mine.inbox.getSnapshot().conversations.find((c) => c.id === conversation);
        if (summary && isMuted(summary)) return;
        const here = location.hash === conversationHref(conversation);
        const where = summary?.kind === 'group' && !here ? ` in ${titleOf(summary)}` : '';
        announce(`${message.sender}${where}: ${message.body || 'a message that is hidden'}`);
      }),
    [mine],
  );
}

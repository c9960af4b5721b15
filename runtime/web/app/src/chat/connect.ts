import { type ChatError, type Client, CloseError, createClient } from '@chatcluster/client';
import { effect, signal } from '@preact/signals';
import { forgetDrafts } from '../composer/drafts';
import { go } from '../route';
import { forget, lapsed, me, signInAgain, token, tokenDevice } from '../session/session';
import { notify } from '../ui/notices';
import { explain } from './explain';

/** The client of whoever is signed in. */
export const client = signal<Client | undefined>(undefined);

/** How many entries of a conversation are held while it is open. */
const windowSize = 20_000;

function connect(account: string): Client {
  const device = tokenDevice.peek();
  const made = createClient({
    url: location.origin,
    account,
    token: ({ fresh }) => token(fresh),
    ...(device ? { device } : {}),
    locale: navigator.language,
    windowSize,
  });
  made.connection.subscribe(() => {
    const now = made.connection.getSnapshot();
    if (now.phase === 'ended') void ended(made, now.error);
  });
  void made.start().catch((error: unknown) => notify(explain(error)));
  return made;
}

/** A revoked device leaves nothing behind; a refused token leaves what waits to be sent. */
async function ended(which: Client, error: ChatError): Promise<void> {
  if (leaving || !(error instanceof CloseError) || !error.signedOut || which !== client.peek()) return;
  if (error.code === 3500) lapsed.value = true;
  else await leave(which, 'This device was signed out. Sign in again.');
}

/** Whether this tab is signing out already: the gateway closes its connection then, which is no news. */
let leaving = false;

/** Forgets who was here, in all tabs, with all that is stored of them. */
async function leave(going: Client | undefined, why = ''): Promise<void> {
  await going?.forget().catch((error: unknown) => notify(explain(error)));
  forgetDrafts();
  forget(why);
  go('#/');
}

/** Keeps a client for whoever is signed in, and none for nobody. Runs as long as the page. */
export function keepConnected(): () => void {
  return effect(() => {
    const account = me.value;
    if (!account) {
      client.value = undefined;
      return;
    }
    const made = connect(account);
    client.value = made;
    return () => void made.stop().catch(() => undefined);
  });
}

/** Tries again after the gateway gave up. */
export async function reconnect(): Promise<void> {
  if (lapsed.peek()) return signInAgain();
  await client
    .peek()
    ?.start()
    .catch((error: unknown) => notify(explain(error)));
}

/** Signs this device out, at the server too, and forgets everything here whether the server could be told or not. */
export async function signOut(): Promise<void> {
  const going = client.peek();
  leaving = true;
  try {
    await going?.signOut();
  } catch {
    notify(
      'This browser has forgotten you, but the server could not be told. Sign it out from another device, under Settings.',
    );
  } finally {
    await leave(going);
    leaving = false;
  }
}

/** Signs all devices out. Nothing is forgotten here unless the server has done it. */
export async function signOutEverywhere(): Promise<void> {
  const going = client.peek();
  leaving = true;
  try {
    await going?.rest.signOutAll();
    await leave(going);
  } finally {
    leaving = false;
  }
}

import { type ChatError, type Client, CloseError, createClient } from '@chatcluster/client';
import { effect, signal } from '@preact/signals';
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

/** The gateway has given this client up. A revoked device leaves nothing behind; a refused token leaves what waits to be sent. */
async function ended(which: Client, error: ChatError): Promise<void> {
  if (!(error instanceof CloseError) || !error.signedOut || which !== client.peek()) return;
  if (error.code === 3500) {
    lapsed.value = true;
    return;
  }
  await which.signOut().catch(() => undefined);
  forget('This device was signed out. Sign in again.');
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

/** Signs this device out, at the server too, and forgets everything. */
export async function signOut(): Promise<void> {
  const leaving = client.peek();
  try {
    await leaving?.signOut();
  } catch (error) {
    notify(`This device is forgotten here, but the server does not know yet. ${explain(error)}`);
  }
  forget();
}

export async function signOutEverywhere(): Promise<void> {
  const leaving = client.peek();
  await leaving?.rest.signOutAll();
  await leaving?.signOut().catch(() => undefined);
  forget();
}

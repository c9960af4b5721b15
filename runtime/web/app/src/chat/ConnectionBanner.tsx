import type { ConnectionState } from '@chatcluster/client';
import { CloseError } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { lapsed } from '../session/session';
import { Icon } from '../ui/icons';
import { reconnect } from './connect';
import { explain } from './explain';
import { useClient, useReadable } from './useReadable';

/** A connection that comes back within this time is not worth a word. */
const patience = 1200;

/** Says when there is no connection, and what becomes of what is written meanwhile. */
export function ConnectionBanner(): VNode | null {
  const connection = useReadable(useClient().connection);
  const reachable = useReachable();
  const down = lapsed.value || !reachable || connection.phase !== 'online';
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!down) return;
    const timer = setTimeout(() => setLate(true), patience);
    return () => clearTimeout(timer);
  }, [down]);
  const at =
    down && (late || !reachable || connection.phase === 'ended' || lapsed.value)
      ? wordsFor(connection, reachable)
      : undefined;
  if (!at) return null;
  return (
    <div class="banner" role="status" aria-label="Connection">
      <Icon name={at.button ? 'alert' : 'clock'} />
      <span>{at.text}</span>
      {at.button && (
        <button type="button" class="text-button" onClick={() => void reconnect()}>
          {at.button}
        </button>
      )}
    </div>
  );
}

function wordsFor(connection: ConnectionState, reachable: boolean): { text: string; button?: string } {
  if (lapsed.value)
    return { text: 'Your sign-in has run out. What you write is sent when you are back.', button: 'Sign in again' };
  if (connection.phase === 'ended') {
    const { error } = connection;
    return {
      text: explain(error),
      button: error instanceof CloseError && error.replaced ? 'Use it here' : 'Try again',
    };
  }
  if (!reachable) return { text: 'Offline. You see what is stored here; what you write is sent later.' };
  if (connection.phase === 'waiting') return { text: 'Offline. Trying again; what you write is sent then.' };
  return { text: 'Connecting…' };
}

function useReachable(): boolean {
  const [reachable, setReachable] = useState(navigator.onLine);
  useEffect(() => {
    const look = (): void => setReachable(navigator.onLine);
    addEventListener('online', look);
    addEventListener('offline', look);
    return () => {
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }, []);
  return reachable;
}

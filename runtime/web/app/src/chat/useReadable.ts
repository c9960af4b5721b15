import type { Client, Conversation, ConversationSnapshot, Readable } from '@chatcluster/client';
import { createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useMemo, useReducer } from 'preact/hooks';

/** Renders from a store of the SDK. */
export function useReadable<T>(store: Readable<T>): T {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const seen = store.getSnapshot();
  useLayoutEffect(() => {
    if (store.getSnapshot() !== seen) redraw(0);
    return store.subscribe(() => redraw(0));
  }, [store]);
  return seen;
}

export const ClientContext = createContext<Client | undefined>(undefined);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('There is no client around this component.');
  return client;
}

/** An open conversation, closed when the component goes. */
export function useConversation(id: string): { conversation: Conversation; snapshot: ConversationSnapshot } {
  const client = useClient();
  const conversation = useMemo(() => client.open(id), [client, id]);
  useEffect(() => () => conversation.close(), [conversation]);
  return { conversation, snapshot: useReadable(conversation) };
}

import type { ChatError } from './errors.js';
import type { Storage } from './storage.js';
import type * as wire from './wire.js';

/** Something to render from. A snapshot is a new object exactly when something in it is different, so `===` tells. */
export interface Readable<T> {
  getSnapshot(): T;
  /** Calls back after changes, several at once. Returns how to stop. */
  subscribe(listener: () => void): () => void;
}

export interface TokenRequest {
  /** The token before was refused or is about to expire: a cached one is of no use. */
  readonly fresh: boolean;
  readonly signal: AbortSignal;
}

export interface Options {
  /** The gateway's: https://host, wss://host or the same without TLS; a path prefix is kept. */
  readonly url: string;
  /** Returns a token. It is asked at each connect, for each REST call, and for refreshes, so it should cache. */
  readonly token: (request: TokenRequest) => Promise<string>;
  /** Whose data it is: names the storage, so that people who share a browser see only their own. The user's id is good. */
  readonly account: string;
  /** This installation's name. Absent: one is made and kept in the storage. */
  readonly device?: string;
  /** `web` when absent. */
  readonly platform?: wire.Platform;
  /** The language of the device's pushes, a BCP 47 tag. */
  readonly locale?: string;
  /** IndexedDB where there is one, else memory. */
  readonly storage?: Storage;
  /** Tabs with the same storage share one connection. True when absent. */
  readonly shareTabs?: boolean;
  /** How many entries of an open conversation are held in memory: 1,000. */
  readonly windowSize?: number;
  /** How many messages may be without an answer: 1,024. */
  readonly maxPending?: number;
  /** Bounds of the wait before a reconnect: 100 ms and 10 s. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** How long the gateway may say nothing before it is pinged: 30 s. */
  readonly idleMs?: number;
  /** Told of what goes wrong inside and is dealt with. Never of tokens or bodies. */
  readonly onProblem?: (error: ChatError) => void;
  /** For tests and other runtimes. */
  readonly environment?: Partial<Environment>;
}

/** What the client takes from where it runs. */
export interface Environment {
  readonly WebSocket: new (url: string, protocols: string) => WebSocket;
  readonly fetch: typeof fetch;
  readonly locks: Pick<LockManager, 'request'> | undefined;
  readonly BroadcastChannel: (new (name: string) => BroadcastChannel) | undefined;
  readonly indexedDB: IDBFactory | undefined;
  readonly random: () => number;
  readonly uuid: () => string;
}

/** Where the connection is. */
export type Connection =
  /** Not started, or stopped. */
  | { readonly phase: 'stopped' }
  | { readonly phase: 'connecting' }
  | { readonly phase: 'online'; readonly user: string; readonly device: string }
  /** It broke; the next try is at `retryAt` (Unix milliseconds). `error` is the last one, where it is known. */
  | { readonly phase: 'waiting'; readonly retryAt: number; readonly error?: ChatError }
  /** The gateway gave the client up: a CloseError, or a RefusedError. `start` tries again. */
  | { readonly phase: 'ended'; readonly error: ChatError };

/** The connection as this tab sees it. */
export type ConnectionState = Connection & {
  /** Whether this tab has the connection, or follows the one that has it. */
  readonly role: 'leader' | 'follower';
};

/** Whether a message is on its way (`pending`), stored for good (`sent`), or refused for good (`failed`). */
export type MessageState = 'pending' | 'sent' | 'failed';

export interface Message {
  readonly kind: 'message';
  /** The same from pending to sent: a key for lists. */
  readonly key: string;
  readonly conversation: string;
  /** 0 while there is no answer. */
  readonly seq: number;
  readonly state: MessageState;
  /** Why it failed. */
  readonly error?: ChatError;
  readonly sender: string;
  readonly own: boolean;
  readonly atMs: number;
  /** Empty when it is deleted or hidden. */
  readonly body: string;
  readonly deleted: boolean;
  readonly editedAtMs?: number;
  readonly reactions: readonly wire.Reaction[];
  /** What moderation says, if anything: flag, mask or hide. */
  readonly verdict?: wire.Verdict;
  /** The body that is shown is not the whole: it is being fetched. */
  readonly incomplete: boolean;
  /** A change of the user's own is shown already but has no answer yet. */
  readonly changing: boolean;
}

/** Something else that happened. */
export interface Notice {
  readonly kind: 'members_added' | 'members_removed' | 'role_changed' | 'renamed';
  readonly key: string;
  readonly conversation: string;
  readonly seq: number;
  readonly sender: string;
  readonly atMs: number;
  /** Of members_added and role_changed. */
  readonly members: readonly { readonly user: string; readonly role: wire.Role }[];
  /** Of members_removed. */
  readonly users: readonly string[];
  /** Of renamed. */
  readonly title: string;
}

export type Item = Message | Notice;

/** How far another user, or the user themself on another device, has come. */
export interface Receipt {
  readonly delivered: number;
  readonly read: number;
}

/** A conversation in the inbox. */
export interface Summary {
  readonly id: string;
  /** Absent until it is known. */
  readonly kind?: wire.Kind;
  readonly title: string;
  /** The other user of a direct conversation. */
  readonly peer?: string;
  /** The user is no member any more. */
  readonly left: boolean;
  readonly unread: number;
  /** The user's read mark. */
  readonly read: number;
  /** The last seq that is known. */
  readonly head: number;
  readonly lastAtMs: number;
  readonly lastSender: string;
  readonly lastPreview: string;
  readonly mutedUntilMs: number;
  readonly archived: boolean;
  readonly pinned: boolean;
  /** How many of the user's own messages and changes have no answer yet, and how many failed. */
  readonly pending: number;
  readonly failed: number;
}

export interface InboxSnapshot {
  /** Pinned first, then by last activity; archived ones included. */
  readonly conversations: readonly Summary[];
  /** The server's first page has come; before, what the storage had is shown. */
  readonly loaded: boolean;
  /** There are older ones: `loadMore`. */
  readonly more: boolean;
  readonly loading: boolean;
  /** Why the last page could not be had. */
  readonly error?: ChatError;
}

export interface Inbox extends Readable<InboxSnapshot> {
  /** Reads the first page again. It is read after each connect anyway. */
  refresh(): Promise<void>;
  loadMore(): Promise<void>;
  /** Adds the archived conversations, which the server lists by themselves. */
  loadArchived(): Promise<void>;
}

export interface ConversationSnapshot {
  readonly id: string;
  readonly summary: Summary;
  /** In order of seq; the user's own without an answer last. */
  readonly items: readonly Item[];
  /** There are older ones: `loadOlder`. */
  readonly older: boolean;
  /** There are newer ones than the window holds: `loadNewer`, or `loadLatest`. */
  readonly newer: boolean;
  readonly loading: boolean;
  /** Why the last page could not be had. */
  readonly error?: ChatError;
  /** Other users, and the user's own mark from other devices, by user. */
  readonly receipts: ReadonlyMap<string, Receipt>;
  /** Who writes now. */
  readonly typing: readonly string[];
}

/** What was put into the outbox. */
export interface Outgoing {
  /** Its client_msg_id. */
  readonly id: string;
  /** Settles when it is stored for good, or rejects when it is refused for good. It may take long, and outlives the page. */
  readonly done: Promise<wire.Appended>;
}

/** An open conversation. It holds a window of entries until `close`. */
export interface Conversation extends Readable<ConversationSnapshot> {
  readonly id: string;
  /** Sends a message: it is in the snapshot at once, kept over reloads, and sent when there is a connection. Throws when the body is empty or too large, or the outbox is full. */
  send(body: string): Outgoing;
  /** Replaces the body of the user's own message. */
  edit(seq: number, body: string): Outgoing;
  /** Deletes a message for everybody. */
  delete(seq: number): Outgoing;
  react(seq: number, emoji: string, removed?: boolean): Outgoing;
  /** Sends what failed once more, behind what waits. False when there is no such message. */
  retry(key: string): boolean;
  /** Takes back what failed, or was not sent yet. False when it is too late, or there is no such message. */
  discard(key: string): Promise<boolean>;
  /** The user has read everything up to and including seq. */
  markRead(seq: number): void;
  /** Say it at each key press; it is passed on every few seconds, and ended by false or by silence. */
  setTyping(active: boolean): void;
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Goes back to the newest. */
  loadLatest(): Promise<void>;
  /** Shows the window around a seq, such as that of a reply or of a search's result. */
  loadAround(seq: number): Promise<void>;
  /** Frees the window. */
  close(): void;
}

/** New messages of others, live or missed, each once in each tab; for sounds and notifications. */
export interface Arrival {
  readonly conversation: string;
  readonly message: Message;
}

export interface Client {
  /** Connects, or follows the tab that has the connection; after `ended` it tries again. Resolves when the storage is read. */
  start(): Promise<void>;
  /** Tells the last marks and closes the connection; another tab takes over. */
  stop(): Promise<void>;
  /** Signs this device out at the server, and forgets. Where the server cannot be told it rejects, and nothing is forgotten. */
  signOut(): Promise<void>;
  /** Deletes what is kept here, in all tabs, and stops, whatever the server knows. What had no answer is lost. */
  forget(): Promise<void>;

  readonly connection: Readable<ConnectionState>;
  readonly inbox: Inbox;
  /** Those who are watched. */
  readonly presence: Readable<ReadonlyMap<string, wire.Presence>>;
  /** Whom the token speaks for; empty before the first welcome. */
  readonly user: string;
  /** This device's id; empty before `start`. */
  readonly device: string;
  /** The server's clock minus this one, in milliseconds. */
  readonly clockOffsetMs: number;
  /** The longest body, in bytes of UTF-8. */
  readonly maxBodyBytes: number;

  /** Opens a conversation. Each open needs its close; those of one id share a window. */
  open(conversation: string): Conversation;
  onArrival(listener: (arrival: Arrival) => void): () => void;
  /** Watches users' presence until the returned function is called; all watches of all tabs together count at most 100 users. */
  watch(users: readonly string[]): () => void;
  readonly rest: Rest;
}

/** What appends an entry takes a key: asked again with the same one it is done once. Without one, one is made for each call and kept over its own retries. */
export interface Keyed {
  readonly key?: string;
  readonly signal?: AbortSignal;
}

export interface Paged {
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly cursor?: string;
  readonly signal?: AbortSignal;
}

/** REST /v1. Problems become RefusedError, no answer OfflineError. What is safe to repeat is repeated after a hint, a few times. */
export interface Rest {
  createDirect(user: string, options?: Keyed): Promise<wire.CreatedConversation>;
  createGroup(title: string, members: readonly string[], options?: Keyed): Promise<wire.CreatedConversation>;
  conversation(id: string): Promise<wire.ConversationDetails>;
  rename(id: string, title: string, options?: Keyed): Promise<wire.Appended>;
  leave(id: string, options?: Keyed): Promise<wire.Appended>;
  /** Mutes, archives, pins; what is left out stays. Answers with all as they are then. */
  setPreferences(id: string, preferences: wire.Preferences): Promise<wire.Preferences>;

  members(id: string, page?: Paged): Promise<wire.MembersPage>;
  addMembers(id: string, users: readonly string[], role?: wire.Role, options?: Keyed): Promise<wire.Appended>;
  removeMember(id: string, user: string, options?: Keyed): Promise<wire.Appended>;
  changeRole(id: string, user: string, role: wire.Role, options?: Keyed): Promise<wire.Appended>;

  /** A page, in order of seq. Entries are as the server has them: the windows of conversations fold, this does not. */
  history(id: string, range?: wire.HistoryRange, signal?: AbortSignal): Promise<wire.HistoryPage>;
  postMessage(id: string, body: string, options?: Keyed & { readonly afterSeq?: number }): Promise<wire.Appended>;
  editMessage(id: string, seq: number, body: string, options?: Keyed): Promise<wire.Appended>;
  deleteMessage(id: string, seq: number, options?: Keyed): Promise<wire.Appended>;
  addReaction(id: string, seq: number, emoji: string, options?: Keyed): Promise<wire.Appended>;
  removeReaction(id: string, seq: number, emoji: string, options?: Keyed): Promise<wire.Appended>;

  markRead(id: string, seq: number): Promise<number>;
  markDelivered(id: string, seq: number): Promise<number>;
  /** Who has a message: for groups above 64, whose receipts do not come by themselves. */
  receipts(id: string, seq: number, page?: Paged): Promise<wire.ReceiptsPage>;

  inbox(page?: Paged & { readonly archived?: boolean }): Promise<wire.InboxPage>;

  devices(): Promise<readonly wire.DeviceDetails[]>;
  putDevice(registration: wire.DeviceRegistration): Promise<wire.DeviceDetails>;
  signOutDevice(device: string): Promise<void>;
  signOutAll(): Promise<void>;
  sessions(): Promise<readonly wire.Session[]>;
  presence(users: readonly string[]): Promise<readonly wire.Presence[]>;
}

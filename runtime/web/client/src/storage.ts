import type { Receipt } from './types.js';
import type { Change, Entry, Kind } from './wire.js';

/** What is kept of a conversation. */
export interface StoredConversation {
  readonly id: string;
  readonly kind?: Kind;
  readonly title?: string;
  readonly peer?: string;
  readonly left?: boolean;
  /** Everything up to here was applied, each entry once. Absent before the first. */
  readonly position?: number;
  /** From here on to the position the entries are kept without a hole, but for what the history does not show. */
  readonly low: number;
  /** The messages up to the position. */
  readonly count: number;
  /** Where unread counts from: the count at the read mark or at the user's last message. Absent when it is not known. */
  readonly base?: number;
  /** What the inbox said last: how many were unread at which head. */
  readonly head?: number;
  readonly unread?: number;
  readonly read: number;
  readonly delivered: number;
  /** When a mark rose last: a recent one is told again. */
  readonly markedAtMs: number;
  readonly lastAtMs: number;
  readonly lastSender?: string;
  readonly lastPreview?: string;
  /** The seq of the message that the preview shows. */
  readonly lastSeq?: number;
  readonly mutedUntilMs?: number;
  readonly archived?: boolean;
  readonly pinned?: boolean;
  readonly receipts?: readonly (readonly [string, Receipt])[];
}

/** What waits in the outbox, or failed. */
export interface StoredOutgoing {
  /** Its place among all of the device's. */
  readonly order: number;
  readonly id: string;
  readonly conversation: string;
  readonly change: Change;
  readonly afterSeq?: number;
  readonly atMs: number;
  /** Why it was refused for good. */
  readonly failed?: { readonly code: string; readonly detail: string; readonly retryAfterMs: number };
}

/** What belongs together: all of it is kept or nothing. */
export interface StorageBatch {
  readonly conversations?: readonly StoredConversation[];
  readonly entries?: readonly { readonly conversation: string; readonly entry: Entry }[];
  /** Entries of a conversation below a seq go. */
  readonly prune?: readonly { readonly conversation: string; readonly below: number }[];
  readonly outgoing?: readonly StoredOutgoing[];
  /** Outgoing ones to remove, by id. */
  readonly settled?: readonly string[];
}

/** Where a device keeps what it has. One object serves one client. */
export interface Storage {
  /** Whether other tabs of the browser see the same. */
  readonly shared: boolean;
  /** Opens what belongs to the name. */
  open(name: string): Promise<void>;
  meta(key: string): Promise<string | undefined>;
  setMeta(key: string, value: string): Promise<void>;
  conversations(): Promise<StoredConversation[]>;
  conversation(id: string): Promise<StoredConversation | undefined>;
  /** In order. */
  outgoing(): Promise<StoredOutgoing[]>;
  /** The newest entries below a seq, at most limit, in order of seq. */
  entries(conversation: string, below: number, limit: number): Promise<Entry[]>;
  /** Adds to the outbox, behind all others, and returns its place. */
  enqueue(outgoing: Omit<StoredOutgoing, 'order'>): Promise<number>;
  write(batch: StorageBatch): Promise<void>;
  /** Deletes everything under the name. */
  clear(): Promise<void>;
  close(): void;
}

/** Frames, entries and REST bodies of chat.v1, as they are on the wire. docs/protocol.md and docs/openapi.yaml explain them. */

export type Kind = 'direct' | 'group';
export type Role = 'owner' | 'admin' | 'member';
export type Platform = 'ios' | 'android' | 'amazon' | 'web' | 'cli';

export interface Reaction {
  readonly emoji: string;
  readonly users: readonly string[];
}

/** What moderation says of a message. */
export interface Verdict {
  /** flag, mask (parts of the body are asterisks), hide (the body is empty), or none for one that was reverted. */
  readonly action: string;
  readonly processor?: string;
  readonly reason?: string;
}

/** A line of a conversation's log. */
export interface Entry {
  readonly seq: number;
  readonly sender: string;
  readonly device?: string;
  readonly client_msg_id?: string;
  readonly at_ms: number;
  /** How many messages there are up to here. */
  readonly count: number;
  readonly kind: string;
  readonly body?: string;
  readonly revision?: number;
  /** The seq of the last entry whose effect the message shows. */
  readonly folded?: number;
  readonly edited_at_ms?: number;
  readonly deleted?: boolean;
  readonly reactions?: readonly Reaction[];
  readonly verdict?: Verdict;
  readonly elided?: boolean;
  readonly redacted?: boolean;
  readonly target?: number;
  readonly emoji?: string;
  readonly removed?: boolean;
  readonly members?: readonly { readonly user: string; readonly role: Role }[];
  readonly users?: readonly string[];
  readonly title?: string;
}

export interface Presence {
  readonly user: string;
  readonly online: boolean;
  /** When the user was last connected; absent while online and when it is not known. */
  readonly last_seen_ms?: number;
}

/** Any frame of the server's; `type` says which fields count. */
export interface ServerFrame {
  readonly type: string;
  readonly user?: string;
  readonly device?: string;
  readonly server_time_ms?: number;
  readonly max_body_bytes?: number;
  readonly max_frame_bytes?: number;
  readonly conversation?: string;
  readonly client_msg_id?: string;
  readonly seq?: number;
  readonly at_ms?: number;
  readonly entries?: readonly Entry[];
  readonly from?: number;
  readonly to?: number;
  readonly read?: number;
  readonly delivered?: number;
  readonly active?: boolean;
  readonly presence?: readonly Presence[];
  readonly ref?: string;
  readonly more?: boolean;
  readonly expires_at_ms?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly retry_after_ms?: number;
  readonly reconnect_after_ms?: number;
}

/** What a send, edit, delete or react frame says beside conversation, client_msg_id and after_seq. */
export type Change =
  | { readonly type: 'send'; readonly body: string }
  | { readonly type: 'edit'; readonly target: number; readonly body: string }
  | { readonly type: 'delete'; readonly target: number }
  | { readonly type: 'react'; readonly target: number; readonly emoji: string; readonly removed: boolean };

export type ClientFrame =
  | {
      readonly type: 'hello';
      readonly token: string;
      readonly device: string;
      readonly platform: Platform;
      readonly locale?: string;
    }
  | (Change & { readonly conversation: string; readonly client_msg_id: string; readonly after_seq?: number })
  | { readonly type: 'delivered' | 'read'; readonly conversation: string; readonly seq: number }
  | { readonly type: 'typing'; readonly conversation: string; readonly active: boolean }
  | { readonly type: 'presence'; readonly users: readonly string[] }
  | ({ readonly type: 'history'; readonly conversation: string; readonly ref: string } & HistoryRange)
  | { readonly type: 'token'; readonly token: string; readonly ref: string }
  | { readonly type: 'ping' };

/** Which part of a history is wanted: after a seq from the oldest, or before one the newest, or the newest of all. */
export interface HistoryRange {
  readonly after?: number;
  readonly before?: number;
  /** 1 to 200; the server's default is 50. */
  readonly limit?: number;
}

export interface HistoryPage {
  readonly entries: readonly Entry[];
  /** There is more in the direction that was asked for. */
  readonly more: boolean;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code: string;
  readonly retry_after_ms?: number;
}

export interface CreatedConversation {
  readonly id: string;
  readonly kind: Kind;
  readonly title?: string;
  /** False when it was there already. */
  readonly created: boolean;
}

export interface Preferences {
  /** Until when no push is wanted, in Unix milliseconds; 0 unmutes. */
  readonly muted_until_ms?: number;
  readonly archived?: boolean;
  readonly pinned?: boolean;
}

export interface ConversationDetails {
  readonly id: string;
  readonly kind: Kind;
  readonly title?: string;
  readonly role?: Role;
  readonly peer?: string;
  /** How many there are. */
  readonly members?: number;
  readonly joined: number;
  readonly left?: number;
  readonly head: number;
  readonly preferences: Preferences;
}

export interface MemberDetails {
  readonly user: string;
  readonly role: Role;
  readonly joined: number;
}

export interface MembersPage {
  readonly members: readonly MemberDetails[];
  readonly next?: string;
}

/** Where an entry ended up. */
export interface Appended {
  readonly seq: number;
  readonly at_ms: number;
}

export interface MessageReceipt {
  readonly user: string;
  readonly delivered: boolean;
  readonly read: boolean;
}

export interface ReceiptsPage {
  readonly receipts: readonly MessageReceipt[];
  readonly next?: string;
}

export interface InboxItem {
  readonly conversation: string;
  readonly kind: Kind;
  readonly title?: string;
  readonly peer?: string;
  readonly unread: number;
  readonly read: number;
  readonly head: number;
  readonly last_at_ms: number;
  readonly last_sender?: string;
  readonly last_preview?: string;
  readonly muted_until_ms?: number;
  readonly archived?: boolean;
  readonly pinned?: boolean;
}

export interface InboxPage {
  readonly items: readonly InboxItem[];
  readonly next?: string;
}

export interface DoNotDisturb {
  /** Times of day, such as 22:00; from may be after to. */
  readonly from: string;
  readonly to: string;
  /** An IANA name. */
  readonly time_zone: string;
}

export interface DevicePreferences {
  /** Pushes hold no content, sender or title. */
  readonly private?: boolean;
  readonly do_not_disturb?: DoNotDisturb;
}

export interface DeviceDetails {
  readonly id: string;
  readonly platform: Platform;
  readonly push_channel?: string;
  readonly registered_at_ms: number;
  readonly locale?: string;
  readonly preferences: DevicePreferences;
}

export interface DeviceRegistration {
  readonly platform: Platform;
  readonly push_channel?: '' | 'APNS' | 'APNS_SANDBOX' | 'GCM' | 'ADM';
  readonly push_token?: string;
  readonly locale?: string;
  readonly preferences?: DevicePreferences;
}

/** A connection of one of the user's devices. */
export interface Session {
  readonly device: string;
  readonly connected_at_ms: number;
}

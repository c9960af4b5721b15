export * from './errors.js';
export type * from './storage.js';
export type * from './types.js';
export type {
  Appended,
  ConversationDetails,
  CreatedConversation,
  DeviceDetails,
  DevicePreferences,
  DeviceRegistration,
  DoNotDisturb,
  Entry,
  HistoryPage,
  HistoryRange,
  InboxItem,
  InboxPage,
  Kind,
  MemberDetails,
  MembersPage,
  MessageReceipt,
  Platform,
  Preferences,
  Presence,
  Problem,
  Reaction,
  ReceiptsPage,
  Role,
  Session,
  Verdict,
} from './wire.js';

import type { Client, Options } from './types.js';

/** Makes a client. Nothing happens before `start`. */
export declare function createClient(options: Options): Client;

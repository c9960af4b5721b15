export { createClient } from './client.js';
export * from './errors.js';
export { IndexedDBStorage } from './indexeddb.js';
export { MemoryStorage } from './memory.js';
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

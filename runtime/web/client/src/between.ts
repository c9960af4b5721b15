import type { StoredOutgoing } from './storage.js';
import type { Patch, Run } from './talk.js';
import type { Connection } from './types.js';
import type { Appended, ClientFrame, Presence, ServerFrame } from './wire.js';

/** An error as it goes from tab to tab. */
export interface Told {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly detail?: string;
  readonly retryAfterMs?: number;
  readonly refusal?: Told;
}

/** The connection as it goes from tab to tab. */
export interface ToldState {
  readonly phase: Connection['phase'];
  readonly user?: string;
  readonly device?: string;
  readonly retryAt?: number;
  readonly error?: Told;
}

/** What the leader says. */
export type FromLeader =
  | {
      readonly t: 'state';
      readonly connection: ToldState;
      readonly user: string;
      readonly device: string;
      readonly clockOffsetMs: number;
      readonly maxBodyBytes: number;
      readonly presence: readonly Presence[];
    }
  | { readonly t: 'run'; readonly run: Run }
  | { readonly t: 'signal'; readonly frame: ServerFrame }
  | { readonly t: 'settled'; readonly id: string; readonly ack: Appended }
  | { readonly t: 'refused'; readonly id: string; readonly error: Told }
  | { readonly t: 'discarded'; readonly call: string; readonly done: boolean };

/** What any tab says. */
export type FromAny =
  /** It has begun, or a new leader asks what it wants. */
  | { readonly t: 'hello' }
  | { readonly t: 'start' }
  | { readonly t: 'kick' }
  | { readonly t: 'queued'; readonly item: StoredOutgoing }
  | { readonly t: 'retried'; readonly id: string }
  | { readonly t: 'removed'; readonly id: string }
  | { readonly t: 'discard'; readonly id: string; readonly call: string }
  | { readonly t: 'read'; readonly conversation: string; readonly seq: number; readonly count?: number }
  | { readonly t: 'learnt'; readonly patches: readonly Patch[] }
  | { readonly t: 'watch'; readonly tab: string; readonly users: readonly string[] }
  | { readonly t: 'say'; readonly frame: ClientFrame }
  /** The user has signed out: nothing is kept any more. */
  | { readonly t: 'cleared' };

export type Between = FromLeader | FromAny;

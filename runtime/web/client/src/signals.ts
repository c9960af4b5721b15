import { Source } from './source.js';
import type { Presence, ServerFrame } from './wire.js';

/** How long somebody is shown to write unless they are said to go on. */
const typingMs = 6_000;
const maxWatched = 100;
const nobody: readonly string[] = [];

/** Who writes where. */
export class Typing {
  private readonly rooms = new Map<string, Map<string, ReturnType<typeof setTimeout>>>();
  private readonly names = new Map<string, readonly string[]>();

  constructor(private readonly changed: (conversation: string) => void) {}

  in(conversation: string): readonly string[] {
    return this.names.get(conversation) ?? nobody;
  }

  set(conversation: string, user: string, active: boolean): void {
    const room = this.rooms.get(conversation) ?? new Map<string, ReturnType<typeof setTimeout>>();
    const had = room.has(user);
    if (!active && !had) return;
    clearTimeout(room.get(user));
    if (active)
      room.set(
        user,
        setTimeout(() => this.set(conversation, user, false), typingMs),
      );
    else room.delete(user);
    if (room.size > 0) this.rooms.set(conversation, room);
    else this.rooms.delete(conversation);
    if (active === had) return;
    if (room.size > 0) this.names.set(conversation, [...room.keys()]);
    else this.names.delete(conversation);
    this.changed(conversation);
  }

  clear(): void {
    for (const [conversation, room] of [...this.rooms])
      for (const user of [...room.keys()]) this.set(conversation, user, false);
  }
}

/** Whom all tabs watch, and what is known of them. */
export class Watches {
  readonly source = new Source<ReadonlyMap<string, Presence>>(() => new Map(this.known));
  private readonly known = new Map<string, Presence>();
  private readonly own = new Map<string, number>();
  private readonly others = new Map<string, readonly string[]>();

  /** Says whether there is somebody new, or somebody less, to watch here. */
  add(users: readonly string[]): boolean {
    return users.map((user) => this.count(user, 1)).includes(true);
  }

  remove(users: readonly string[]): boolean {
    return users.map((user) => this.count(user, -1)).includes(true);
  }

  private count(user: string, by: number): boolean {
    const before = this.own.get(user) ?? 0;
    if (before + by > 0) this.own.set(user, before + by);
    else this.own.delete(user);
    return before === 0 || before + by === 0;
  }

  mine(): readonly string[] {
    return [...this.own.keys()];
  }

  /** Another tab watches these. */
  of(tab: string, users: readonly string[]): void {
    if (users.length > 0) this.others.set(tab, users);
    else this.others.delete(tab);
  }

  all(): readonly string[] {
    return [...new Set([...this.own.keys(), ...[...this.others.values()].flat()])].slice(0, maxWatched);
  }

  take(frame: ServerFrame): void {
    for (const presence of frame.presence ?? []) this.known.set(presence.user, presence);
    this.source.change();
  }

  snapshot(): readonly Presence[] {
    return [...this.known.values()];
  }

  /** What was known ended with the connection. */
  forget(): void {
    if (this.known.size === 0) return;
    this.known.clear();
    this.source.change();
  }
}

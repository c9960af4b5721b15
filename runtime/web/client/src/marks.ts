import type { ClientFrame } from './wire.js';

/** Marks are cumulative, so one says what ten did: they are collected for a moment. */
const collectMs = 100;
/** How many conversations are told of at once: the gateway reads 200 frames a second. */
const atOnce = 50;

interface Mark {
  delivered: number;
  read: number;
  toldDelivered: number;
  toldRead: number;
}

/** What this device confirms, and what this connection has been told of it. */
export class Marks {
  private readonly all = new Map<string, Mark>();
  private readonly dirty = new Set<string>();
  /** Those that changed since the last connect: the gateway may have lost them with the connection. */
  private readonly recent = new Set<string>();
  private since = 0;

  /** Notes marks, which only rise. With again they are told even if they were: the gateway has sent the entries once more. */
  raise(conversation: string, delivered: number, read: number, again = false): void {
    let m = this.all.get(conversation);
    if (!m) {
      m = { delivered: 0, read: 0, toldDelivered: 0, toldRead: 0 };
      this.all.set(conversation, m);
    }
    m.delivered = Math.max(m.delivered, delivered);
    m.read = Math.max(m.read, read);
    if (again) m.toldDelivered = 0;
    if (m.delivered > m.toldDelivered || m.read > m.toldRead) {
      this.touch(conversation);
      this.recent.add(conversation);
    }
  }

  private touch(conversation: string): void {
    if (this.dirty.size === 0) this.since = Date.now();
    this.dirty.add(conversation);
  }

  /** The connection is new: recent marks are told again. */
  rewind(): void {
    for (const m of this.all.values()) {
      m.toldDelivered = 0;
      m.toldRead = 0;
    }
    for (const conversation of this.recent) this.touch(conversation);
    this.recent.clear();
    for (const conversation of this.dirty) this.recent.add(conversation);
  }

  /** The frames to send, and in how many milliseconds to look again where something waits. With all it is never too early. */
  take(all = false): { frames: ClientFrame[]; againMs?: number } {
    const frames: ClientFrame[] = [];
    if (this.dirty.size === 0) return { frames };
    const wait = this.since + collectMs - Date.now();
    if (!all && wait > 0) return { frames, againMs: wait };
    let taken = 0;
    for (const conversation of this.dirty) {
      if (!all && taken === atOnce) {
        this.since = Date.now() + 1000 - collectMs;
        return { frames, againMs: 1000 };
      }
      taken++;
      const m = this.all.get(conversation) as Mark;
      if (m.delivered > m.toldDelivered) frames.push({ type: 'delivered', conversation, seq: m.delivered });
      if (m.read > m.toldRead) frames.push({ type: 'read', conversation, seq: m.read });
      m.toldDelivered = m.delivered;
      m.toldRead = m.read;
      this.dirty.delete(conversation);
    }
    return { frames };
  }
}

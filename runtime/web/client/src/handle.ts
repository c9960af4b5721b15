import type { OpenConversation } from './conversation.js';
import type { Conversation, ConversationSnapshot, Outgoing } from './types.js';

/** One opening of a conversation. */
export class Handle implements Conversation {
  private released = false;

  constructor(
    private readonly shared: OpenConversation,
    private readonly release: () => void,
  ) {}

  get id(): string {
    return this.shared.id;
  }

  readonly getSnapshot = (): ConversationSnapshot => this.shared.source.getSnapshot();
  readonly subscribe = (listener: () => void): (() => void) => this.shared.source.subscribe(listener);

  send(body: string): Outgoing {
    return this.shared.send(body);
  }

  edit(seq: number, body: string): Outgoing {
    return this.shared.change({ type: 'edit', target: seq, body });
  }

  delete(seq: number): Outgoing {
    return this.shared.change({ type: 'delete', target: seq });
  }

  react(seq: number, emoji: string, removed = false): Outgoing {
    return this.shared.change({ type: 'react', target: seq, emoji, removed });
  }

  retry(key: string): boolean {
    return this.shared.retry(key);
  }

  discard(key: string): Promise<boolean> {
    return this.shared.discard(key);
  }

  markRead(seq: number): void {
    this.shared.markRead(seq);
  }

  setTyping(active: boolean): void {
    this.shared.setTyping(active);
  }

  loadOlder(): Promise<void> {
    return this.shared.loadOlder();
  }

  loadNewer(): Promise<void> {
    return this.shared.loadNewer();
  }

  loadLatest(): Promise<void> {
    return this.shared.loadLatest();
  }

  loadAround(seq: number): Promise<void> {
    return this.shared.loadAround(seq);
  }

  close(): void {
    if (this.released) return;
    this.released = true;
    this.release();
  }
}

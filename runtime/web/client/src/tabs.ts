import type { Environment } from './types.js';

/**
 * Which of the browser's tabs has the connection: the one that holds a lock with the storage's name, which the browser hands on when
 * that tab goes. Where there are no locks, or nothing is shared, each tab leads: the gateway ends the older connection (3501), and the tab that
 * lost it says so.
 */
export class Tabs<M> {
  private channel: BroadcastChannel | undefined;
  private release: (() => void) | undefined;
  private abort = new AbortController();
  leader = false;

  constructor(
    private readonly environment: Environment,
    private readonly shared: boolean,
    private readonly events: { lead(): void; message(message: M): void },
  ) {}

  /** Begins to listen. */
  listen(name: string): void {
    const { BroadcastChannel } = this.environment;
    if (!this.shared || !BroadcastChannel || !this.environment.locks || this.channel) return;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (event) => this.events.message(event.data);
  }

  /** Waits for the lead. */
  campaign(name: string): void {
    const lead = () => {
      this.leader = true;
      this.events.lead();
    };
    if (!this.channel || !this.environment.locks) {
      lead();
      return;
    }
    this.abort = new AbortController();
    this.environment.locks
      .request(name, { signal: this.abort.signal }, () => {
        if (this.abort.signal.aborted) return undefined;
        const held = new Promise<void>((resolve) => {
          this.release = resolve;
        });
        lead();
        return held;
      })
      .catch(() => {
        // Aborted: this tab has stopped.
      });
  }

  post(message: M): void {
    this.channel?.postMessage(message);
  }

  /** Hands the lead on. */
  stop(): void {
    this.leader = false;
    this.abort.abort();
    this.release?.();
    this.release = undefined;
    this.channel?.close();
    this.channel = undefined;
  }
}

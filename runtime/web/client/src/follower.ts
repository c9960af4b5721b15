import type { Between } from './between.js';
import type { Ground } from './ground.js';
import type { Model } from './model.js';
import { itemOf } from './outbox.js';
import type { Sender } from './sender.js';
import type { Run } from './talk.js';
import { hearState, refusal } from './told.js';

export interface FollowerEvents {
  /** The state of things is asked for, or whom this tab watches. */
  hello(): void;
  /** Whom to watch has changed. */
  watch(): void;
  /** The user has signed out in another tab. */
  cleared(): void;
}

/** Does what other tabs say: what the leader has found, and to the leader what the others want. */
export class Follower {
  constructor(
    private readonly ground: Ground,
    private readonly model: Model,
    private readonly sender: Sender,
    private readonly events: FollowerEvents,
  ) {}

  hear(message: Between): void {
    const { ground, model } = this;
    switch (message.t) {
      case 'hello':
        this.events.hello();
        break;
      case 'state':
        model.user = message.user || model.user;
        model.device = message.device || model.device;
        model.clockOffsetMs = message.clockOffsetMs;
        model.maxBodyBytes = message.maxBodyBytes;
        model.connected(hearState(message.connection));
        if (message.presence.length > 0) model.watches.take({ type: 'presence', presence: message.presence });
        break;
      case 'run':
        void this.follow(message.run);
        break;
      case 'signal':
        model.signal(message.frame);
        break;
      case 'settled':
        model.settled(message.id, message.ack);
        break;
      case 'refused':
        model.refused(message.id, refusal(message.error));
        break;
      case 'discarded':
        this.sender.discarded(message.call, message.done);
        break;
      case 'start':
        ground.engine?.start();
        break;
      case 'kick':
        ground.engine?.kick();
        break;
      case 'queued':
        model.outbox.add({ ...itemOf(message.item), attempts: 0 });
        model.changed(message.item.conversation);
        ground.engine?.nudge();
        break;
      case 'retried':
        model.retried(message.id);
        break;
      case 'removed':
        model.removed(message.id);
        break;
      case 'discard':
        if (ground.engine) ground.post({ t: 'discarded', call: message.call, done: this.sender.takeBack(message.id) });
        break;
      case 'read':
        model.read(message.conversation, message.seq, message.count);
        break;
      case 'learnt':
        model.patch(message.patches);
        break;
      case 'watch':
        model.watches.of(message.tab, message.users);
        this.events.watch();
        break;
      case 'say':
        ground.engine?.say(message.frame);
        break;
      case 'cleared':
        this.events.cleared();
        break;
    }
  }

  /** Applies what the leader has applied, or reads again what this tab missed of it. */
  private async follow(run: Run): Promise<void> {
    if (this.ground.engine) return;
    const { model } = this;
    const talk = model.talk(run.conversation);
    if (talk.position !== undefined && run.position <= talk.position) return;
    if (talk.position === undefined || talk.position === run.after) {
      talk.follow(run);
      model.apply(talk, run);
      return;
    }
    const row = await this.ground.storage.conversation(run.conversation).catch(() => undefined);
    if (row) model.recall([row], []);
  }
}

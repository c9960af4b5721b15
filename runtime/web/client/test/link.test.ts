import { beforeEach, describe, expect, it, vi } from 'vitest';
import { environmentOf } from '../src/environment.js';
import { Link, type LinkEvents } from '../src/link.js';
import type { Connection, Options } from '../src/types.js';

/** A socket that the test ends. */
class Socket {
  static all: Socket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: { type: string; token?: string }[] = [];
  closed = false;
  constructor() {
    Socket.all.push(this);
  }
  send(data: string) {
    this.sent.push(JSON.parse(data));
  }
  close() {
    this.closed = true;
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

const last = () => Socket.all.at(-1) as Socket;

describe('a link', () => {
  let states: Connection[];
  let asked: boolean[];
  let link: Link;
  let frames: string[];
  let tokenFails: boolean;

  const make = (random: number, options: Partial<Options> = {}) => {
    const events: LinkEvents = {
      welcome: () => {},
      frame: (frame) => frames.push(frame.type),
      down: () => {},
      state: (state) => states.push(state),
      problem: () => {},
    };
    const token = async ({ fresh }: { fresh: boolean }) => {
      asked.push(fresh);
      if (tokenFails) throw new Error('no sign-in');
      return `good-${asked.length}`;
    };
    link = new Link(
      {
        ...{ url: 'ws://gateway/v1/ws', device: 'web-1' },
        options: { url: 'ws://gateway', account: 'alice', token, ...options },
        environment: environmentOf({ WebSocket: Socket as unknown as typeof WebSocket, random: () => random }),
      },
      events,
    );
    link.start();
  };
  /** Lets promises and timers of now happen. */
  const settle = () => vi.advanceTimersByTimeAsync(0);
  const welcomed = async () => {
    await settle();
    last().onopen?.();
    last().say({ type: 'welcome', user: 'alice', device: 'web-1' });
  };
  const waitOf = () => {
    const state = states.at(-1);
    return state?.phase === 'waiting' ? state.retryAt - Date.now() : undefined;
  };

  beforeEach(() => {
    vi.useFakeTimers();
    Socket.all = [];
    states = [];
    asked = [];
    frames = [];
    tokenFails = false;
    return () => {
      link.stop();
      vi.useRealTimers();
    };
  });

  it('waits a random part of a limit that doubles up to a bound', async () => {
    make(1);
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      await settle();
      last().onclose?.({ code: 1006 });
      waits.push(waitOf());
      await vi.advanceTimersByTimeAsync(waitOf() ?? 0);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  it('does not begin anew after a welcome that is followed by a close at once, again and again', async () => {
    make(1);
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      await welcomed();
      last().onclose?.({ code: 3002 });
      waits.push(waitOf());
      await vi.advanceTimersByTimeAsync(waitOf() ?? 0);
    }
    expect(waits).toEqual([100, 200, 400]);
    await welcomed();
    await vi.advanceTimersByTimeAsync(6_000);
    last().onclose?.({ code: 3002 });
    expect(waitOf()).toBe(100);
  });

  it('adds the jitter to the hint of a drain, and is not hurried by the network', async () => {
    make(0);
    await welcomed();
    last().say({ type: 'drain', reconnect_after_ms: 1234 });
    last().onclose?.({ code: 3000 });
    expect(waitOf()).toBe(1234);
    link.kick();
    await vi.advanceTimersByTimeAsync(1233);
    expect(Socket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(Socket.all).toHaveLength(2);
  });

  it('comes back at once when the network does, where the wait is its own', async () => {
    make(1, { minBackoffMs: 60_000, maxBackoffMs: 60_000 });
    await settle();
    last().onclose?.({ code: 1006 });
    link.kick();
    await settle();
    expect(Socket.all).toHaveLength(2);
  });

  it.each([3005])('asks for a fresh token after %d, and only then', async (code) => {
    make(0);
    await welcomed();
    last().onclose?.({ code });
    await settle();
    await welcomed();
    last().onclose?.({ code: 1006 });
    await settle();
    expect(asked).toEqual([false, true, false]);
  });

  it('goes on when the token provider fails, and says so', async () => {
    tokenFails = true;
    make(1);
    await settle();
    expect(states.at(-1)).toMatchObject({ phase: 'waiting', error: { name: 'TokenError' } });
    tokenFails = false;
    await vi.advanceTimersByTimeAsync(100);
    expect(Socket.all).toHaveLength(1);
  });

  it('gives up with what the gateway said, until it is started again with a fresh token', async () => {
    make(0);
    await settle();
    last().onopen?.();
    last().say({ type: 'error', code: 'unauthenticated', detail: 'unknown issuer' });
    last().onclose?.({ code: 3500 });
    expect(states.at(-1)).toMatchObject({
      phase: 'ended',
      error: { code: 3500, signedOut: true, refusal: { code: 'unauthenticated' } },
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Socket.all).toHaveLength(1);
    link.start();
    await settle();
    expect(asked).toEqual([false, true]);
  });

  it('pings when it hears nothing, and takes the connection for lost when that is not answered', async () => {
    make(0, { idleMs: 3_000 });
    await welcomed();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(last().sent.map((f) => f.type)).toEqual(['hello', 'ping']);
    last().say({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(last().sent.map((f) => f.type)).toEqual(['hello', 'ping', 'ping']);
    const silent = last();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(silent.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(Socket.all).toHaveLength(2);
  });

  it('takes a connection that is never welcomed for lost', async () => {
    make(0);
    await settle();
    last().onopen?.();
    await vi.advanceTimersByTimeAsync(15_001);
    expect(Socket.all).toHaveLength(2);
  });

  it('hands out nothing before the welcome, and sends nothing', async () => {
    make(0);
    await settle();
    last().onopen?.();
    link.send({ type: 'ping' });
    last().say({ type: 'entries' });
    expect(frames).toEqual([]);
    expect(last().sent.map((f) => f.type)).toEqual(['hello']);
  });

  it('stops while it waits for a token', async () => {
    make(0);
    link.stop();
    await settle();
    expect(Socket.all).toHaveLength(0);
    expect(states.at(-1)).toEqual({ phase: 'stopped' });
  });
});

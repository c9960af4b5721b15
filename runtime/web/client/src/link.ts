import { Backoff } from './backoff.js';
import { ChatError, CloseError, OfflineError, RefusedError, TokenError } from './errors.js';
import type { Connection, Environment, Options } from './types.js';
import type { ClientFrame, ServerFrame } from './wire.js';

const subprotocol = 'chat.v1';
const helloMs = 15_000;
/** A connection that held this long was a good one: waits begin anew. */
const goodMs = 5_000;

/** What a link tells. */
export interface LinkEvents {
  /** The connection stands. Everything of the one before is to be told again. */
  welcome(frame: ServerFrame): void;
  frame(frame: ServerFrame): void;
  /** It broke. */
  down(): void;
  state(connection: Connection): void;
  problem(error: ChatError): void;
}

export interface LinkOptions {
  readonly url: string;
  readonly device: string;
  readonly options: Options;
  readonly environment: Environment;
}

export function refusalOf(frame: ServerFrame): RefusedError {
  return new RefusedError(frame.code ?? 'internal', frame.detail, frame.retry_after_ms);
}

/** Keeps one connection up: comes back as close codes and hints say, gives up where they say so. */
export class Link {
  private socket: WebSocket | undefined;
  private abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setInterval> | undefined;
  private readonly backoff: Backoff;
  private running = false;
  private welcomed = false;
  private welcomedAt = 0;
  private heardAt = 0;
  private pinged = false;
  /** The drain's hint. */
  private backMs = 0;
  /** Nothing may be tried before: the hint of the connection that ended. */
  private notBefore = 0;
  /** What was refused last, for the close that may follow it. */
  private refusal: RefusedError | undefined;
  private fresh = false;

  constructor(
    private readonly o: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    const { minBackoffMs = 100, maxBackoffMs = 10_000 } = o.options;
    this.backoff = new Backoff(minBackoffMs, maxBackoffMs, o.environment.random);
  }

  get up(): boolean {
    return this.welcomed;
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    this.backoff.reset();
    void this.connect();
  }

  /** Closes the connection for good. */
  stop(): void {
    this.running = false;
    this.drop(1000);
    this.events.state({ phase: 'stopped' });
  }

  /** The network is said to be back: a wait that is the client's own ends. The gateway's does not. */
  kick(): void {
    if (!this.running || this.socket || !this.timer) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.again, Math.max(0, this.notBefore - Date.now()));
  }

  /** Ends the connection and comes back with a new one. */
  bounce(): void {
    if (this.running && this.socket) this.lost(1000);
  }

  /** Hands a frame to the socket. What is lost with it has to be told again after the next welcome. */
  send(frame: ClientFrame): void {
    if (this.welcomed) this.socket?.send(JSON.stringify(frame));
  }

  private readonly again = () => {
    this.timer = undefined;
    void this.connect();
  };

  private async connect(): Promise<void> {
    this.events.state({ phase: 'connecting' });
    const abort = new AbortController();
    this.abort = abort;
    let token: string;
    try {
      token = await this.o.options.token({ fresh: this.fresh, signal: abort.signal });
    } catch (cause) {
      if (!abort.signal.aborted) this.wait(new TokenError('the token provider failed', { cause }));
      return;
    }
    if (abort.signal.aborted || !this.running) return;
    this.fresh = false;
    this.refusal = undefined;
    this.backMs = 0;
    let socket: WebSocket;
    try {
      socket = new this.o.environment.WebSocket(this.o.url, subprotocol);
    } catch (cause) {
      this.wait(new OfflineError('the socket cannot be opened', { cause }));
      return;
    }
    this.socket = socket;
    const { device, options } = this.o;
    this.timer = setTimeout(() => this.lost(1000), helloMs);
    socket.onopen = () => {
      this.heardAt = Date.now();
      const hello: ClientFrame = {
        ...{ type: 'hello', token, device, platform: options.platform ?? 'web' },
        ...(options.locale ? { locale: options.locale } : {}),
      };
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = (event) => this.lost(event.code);
    socket.onerror = () => {};
  }

  private take(data: unknown): void {
    this.heardAt = Date.now();
    this.pinged = false;
    let frame: ServerFrame;
    try {
      frame = JSON.parse(data as string);
    } catch {
      // Its text may be what people wrote: it is not repeated.
      this.events.problem(new ChatError('a frame of the gateway cannot be read'));
      this.bounce();
      return;
    }
    if (frame.type === 'welcome') {
      if (!this.welcomed) this.welcome(frame);
      return;
    }
    if (frame.type === 'drain') this.backMs = frame.reconnect_after_ms ?? 0;
    this.refusal = frame.type === 'error' && !frame.ref && !frame.client_msg_id ? refusalOf(frame) : undefined;
    if (this.welcomed) this.events.frame(frame);
  }

  private welcome(frame: ServerFrame): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.welcomed = true;
    this.welcomedAt = Date.now();
    const idle = this.o.options.idleMs ?? 30_000;
    this.watchdog = setInterval(() => this.watch(idle), idle / 3);
    this.events.state({ phase: 'online', user: frame.user ?? '', device: frame.device ?? '' });
    this.events.welcome(frame);
  }

  /** A browser does not see the gateway's pings, so it asks for itself. */
  private watch(idle: number): void {
    const silent = Date.now() - this.heardAt;
    if (silent < idle) return;
    if (!this.pinged) {
      this.pinged = true;
      this.send({ type: 'ping' });
    } else if (silent >= 2 * idle) {
      this.lost(1006);
    }
  }

  /** Lets go of the socket without waiting for what it still says. */
  private drop(code: number): void {
    this.abort.abort();
    clearTimeout(this.timer);
    clearInterval(this.watchdog);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      try {
        socket.close(code === 1000 ? code : undefined);
      } catch {
        // It was never open.
      }
    }
    if (this.welcomed) {
      this.welcomed = false;
      if (Date.now() - this.welcomedAt >= goodMs) this.backoff.reset();
      this.events.down();
    }
  }

  private lost(code: number): void {
    this.drop(code);
    if (code >= 3500 && code <= 3999) {
      this.running = false;
      this.fresh = true;
      this.events.state({ phase: 'ended', error: new CloseError(code, this.refusal) });
      return;
    }
    this.fresh ||= code === 3005 || this.refusal?.code === 'token_expired';
    this.wait(this.refusal ?? (code === 1000 ? undefined : new OfflineError(`the connection was lost (${code})`)));
  }

  private wait(error: ChatError | undefined): void {
    const hint = Math.max(this.backMs, this.refusal?.retryAfterMs ?? 0);
    const ms = hint + this.backoff.next();
    this.notBefore = Date.now() + hint;
    this.timer = setTimeout(this.again, ms);
    if (error instanceof TokenError) this.events.problem(error);
    this.events.state({ phase: 'waiting', retryAt: Date.now() + ms, ...(error ? { error } : {}) });
  }
}

import type { ClientFrame, Entry, HistoryPage, InboxPage, ServerFrame } from '../src/wire.js';

type Sent = ClientFrame & {
  readonly conversation?: string;
  readonly client_msg_id?: string;
  readonly body?: string;
  readonly seq?: number;
};

/** A connection as the gateway has it. */
export class Connection {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly frames: Sent[] = [];
  open = true;

  constructor(private readonly gateway: Gateway) {
    queueMicrotask(() => this.onopen?.());
  }

  send(data: string): void {
    const frame = JSON.parse(data) as Sent;
    this.frames.push(frame);
    queueMicrotask(() => this.gateway.take(this, frame));
  }

  close(): void {
    this.end(1005);
  }

  end(code: number): void {
    if (!this.open) return;
    this.open = false;
    this.gateway.open.delete(this);
    queueMicrotask(() => this.onclose?.({ code }));
  }

  say(frame: ServerFrame): void {
    if (this.open) this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

/** A small gateway of one user, alice, in the process: it has logs, acknowledges what is sent, and pushes it to whoever is connected. */
export class Gateway {
  readonly logs = new Map<string, Entry[]>();
  readonly open = new Set<Connection>();
  readonly all: Connection[] = [];
  readonly marks = new Map<string, number>();
  user = 'alice';
  inbox: InboxPage = { items: [] };
  /** What happens to a frame instead of what usually does. */
  script: ((connection: Connection, frame: Sent) => boolean) | undefined;
  requests = 0;
  online = true;

  readonly WebSocket = ((gateway: Gateway) =>
    class {
      constructor() {
        if (!gateway.online) throw new Error('no network');
        const connection = new Connection(gateway);
        gateway.all.push(connection);
        gateway.open.add(connection);
        // biome-ignore lint/correctness/noConstructorReturn: a socket is what the gateway made.
        return connection;
      }
    })(this) as unknown as typeof globalThis.WebSocket;

  readonly fetch = (async (input: unknown) => {
    this.requests++;
    if (!this.online) throw new TypeError('no network');
    const url = new URL(String(input));
    const [, , , id = '', what] = url.pathname.split('/');
    if (url.pathname === '/v1/inbox') return Response.json(this.inbox);
    if (what === 'messages') return Response.json(this.page(decodeURIComponent(id), url.searchParams));
    return Response.json({ id, kind: 'group', title: 'Team', joined: 1, head: 1, preferences: {} });
  }) as typeof globalThis.fetch;

  private page(id: string, query: URLSearchParams): HistoryPage {
    const after = Number(query.get('after') ?? -1);
    const before = Number(query.get('before') ?? Number.POSITIVE_INFINITY);
    const limit = Number(query.get('limit') ?? 50);
    const all = (this.logs.get(id) ?? []).filter((e) => e.seq > after && e.seq < before);
    return { entries: query.has('after') ? all.slice(0, limit) : all.slice(-limit), more: all.length > limit };
  }

  append(conversation: string, entry: Omit<Entry, 'seq' | 'count' | 'at_ms'>): Entry {
    const log = this.logs.get(conversation) ?? [];
    this.logs.set(conversation, log);
    const made = { ...entry, seq: log.length + 1, count: log.length + 1, at_ms: Date.now() };
    log.push(made);
    for (const connection of this.open) connection.say({ type: 'entries', conversation, entries: [made] });
    return made;
  }

  says(conversation: string, body: string): Entry {
    return this.append(conversation, { sender: 'bob', kind: 'message', body });
  }

  take(connection: Connection, frame: Sent): void {
    if (this.script?.(connection, frame)) return;
    switch (frame.type) {
      case 'hello':
        connection.say({
          type: 'welcome',
          user: this.user,
          device: frame.device,
          server_time_ms: Date.now(),
          max_body_bytes: 16_384,
        });
        for (const [conversation, log] of this.logs) {
          const missed = log.filter((e) => e.seq > (this.marks.get(conversation) ?? 0));
          if (missed.length > 0) connection.say({ type: 'entries', conversation, entries: missed });
        }
        break;
      case 'send': {
        const { conversation, client_msg_id, body } = frame;
        const had = this.logs.get(conversation)?.find((e) => e.client_msg_id === client_msg_id);
        const entry = had ?? this.append(conversation, { sender: 'alice', kind: 'message', client_msg_id, body });
        connection.say({ type: 'ack', conversation, client_msg_id, seq: entry.seq, at_ms: entry.at_ms });
        break;
      }
      case 'delivered':
        this.marks.set(frame.conversation, Math.max(this.marks.get(frame.conversation) ?? 0, frame.seq));
        break;
      case 'history': {
        const { type, conversation, ref, ...range } = frame;
        const query = new URLSearchParams(Object.entries(range).map(([k, v]) => [k, String(v)]));
        connection.say({ type, conversation, ref, ...this.page(conversation, query) });
        break;
      }
      case 'ping':
        connection.say({ type: 'pong' });
        break;
    }
  }

  sent(type: string): Sent[] {
    return this.all.flatMap((c) => c.frames).filter((f) => f.type === type);
  }

  bodies(conversation: string): string[] {
    return (this.logs.get(conversation) ?? []).map((e) => e.body ?? '');
  }
}

import { pause } from './backoff.js';
import { OfflineError, RefusedError, StoppedError, TokenError } from './errors.js';
import type { Environment, Keyed, Options, Paged, Rest } from './types.js';
import type * as wire from './wire.js';

const timeoutMs = 30_000;
const maxTries = 4;
/** A longer hint is the caller's to wait for. */
const maxHintMs = 5_000;

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  /** It appends an entry: this is its Idempotency-Key. */
  readonly key?: string;
  readonly signal?: AbortSignal | undefined;
}

type Query = Record<string, string | number | boolean | undefined>;

const part = encodeURIComponent;
const conversationPath = (id: string) => `/v1/conversations/${part(id)}`;
const messagePath = (id: string, seq: number) => `${conversationPath(id)}/messages/${seq}`;

function query(values: Query): string {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) q.set(name, String(value));
  return q.size > 0 ? `?${q}` : '';
}

const pageQuery = (page: Paged = {}) => query({ limit: page.limit, cursor: page.cursor });

/** REST /v1. Every call here may be repeated: what appends has a key. */
export class RestClient implements Rest {
  constructor(
    private readonly base: string,
    private readonly device: () => string,
    private readonly options: Options,
    private readonly environment: Environment,
  ) {}

  createDirect(user: string, options?: Keyed): Promise<wire.CreatedConversation> {
    return this.append('POST', '/v1/conversations', { kind: 'direct', user }, options);
  }

  createGroup(title: string, members: readonly string[], options?: Keyed): Promise<wire.CreatedConversation> {
    return this.append('POST', '/v1/conversations', { kind: 'group', title, members }, options);
  }

  conversation(id: string): Promise<wire.ConversationDetails> {
    return this.call(conversationPath(id));
  }

  rename(id: string, title: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('PATCH', conversationPath(id), { title }, options);
  }

  leave(id: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('POST', `${conversationPath(id)}/leave`, undefined, options);
  }

  setPreferences(id: string, preferences: wire.Preferences): Promise<wire.Preferences> {
    return this.call(`${conversationPath(id)}/preferences`, { method: 'PATCH', body: preferences });
  }

  members(id: string, page?: Paged): Promise<wire.MembersPage> {
    return this.call(`${conversationPath(id)}/members${pageQuery(page)}`, { signal: page?.signal });
  }

  addMembers(id: string, users: readonly string[], role?: wire.Role, options?: Keyed): Promise<wire.Appended> {
    return this.append('POST', `${conversationPath(id)}/members`, { users, role }, options);
  }

  removeMember(id: string, user: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('DELETE', `${conversationPath(id)}/members/${part(user)}`, undefined, options);
  }

  changeRole(id: string, user: string, role: wire.Role, options?: Keyed): Promise<wire.Appended> {
    return this.append('PATCH', `${conversationPath(id)}/members/${part(user)}`, { role }, options);
  }

  history(id: string, range: wire.HistoryRange = {}, signal?: AbortSignal): Promise<wire.HistoryPage> {
    const { after, before, limit } = range;
    return this.call(`${conversationPath(id)}/messages${query({ after, before, limit })}`, { signal });
  }

  postMessage(id: string, body: string, options: Keyed & { readonly afterSeq?: number } = {}): Promise<wire.Appended> {
    return this.append('POST', `${conversationPath(id)}/messages`, { body, after_seq: options.afterSeq }, options);
  }

  editMessage(id: string, seq: number, body: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('PATCH', messagePath(id, seq), { body }, options);
  }

  deleteMessage(id: string, seq: number, options?: Keyed): Promise<wire.Appended> {
    return this.append('DELETE', messagePath(id, seq), undefined, options);
  }

  addReaction(id: string, seq: number, emoji: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('PUT', `${messagePath(id, seq)}/reactions/${part(emoji)}`, undefined, options);
  }

  removeReaction(id: string, seq: number, emoji: string, options?: Keyed): Promise<wire.Appended> {
    return this.append('DELETE', `${messagePath(id, seq)}/reactions/${part(emoji)}`, undefined, options);
  }

  async markRead(id: string, seq: number): Promise<number> {
    const mark = await this.call<{ seq: number }>(`${conversationPath(id)}/read`, { method: 'POST', body: { seq } });
    return mark.seq;
  }

  async markDelivered(id: string, seq: number): Promise<number> {
    const body = { seq, device: this.device() };
    const mark = await this.call<{ seq: number }>(`${conversationPath(id)}/delivered`, { method: 'POST', body });
    return mark.seq;
  }

  receipts(id: string, seq: number, page?: Paged): Promise<wire.ReceiptsPage> {
    return this.call(`${messagePath(id, seq)}/receipts${pageQuery(page)}`, { signal: page?.signal });
  }

  inbox(page: Paged & { readonly archived?: boolean } = {}): Promise<wire.InboxPage> {
    const archived = page.archived || undefined;
    return this.call(`/v1/inbox${query({ limit: page.limit, cursor: page.cursor, archived })}`, {
      signal: page.signal,
    });
  }

  async devices(): Promise<readonly wire.DeviceDetails[]> {
    return (await this.call<{ devices: wire.DeviceDetails[] }>('/v1/devices')).devices;
  }

  putDevice(registration: wire.DeviceRegistration): Promise<wire.DeviceDetails> {
    return this.call(`/v1/devices/${part(this.device())}`, { method: 'PUT', body: registration });
  }

  signOutDevice(device: string): Promise<void> {
    return this.call(`/v1/devices/${part(device)}`, { method: 'DELETE' });
  }

  signOutAll(): Promise<void> {
    return this.call('/v1/sign-out-all', { method: 'POST' });
  }

  async sessions(): Promise<readonly wire.Session[]> {
    return (await this.call<{ sessions: wire.Session[] }>('/v1/sessions')).sessions;
  }

  async presence(users: readonly string[]): Promise<readonly wire.Presence[]> {
    const q = new URLSearchParams(users.map((user) => ['user', user]));
    return (await this.call<{ presence: wire.Presence[] }>(`/v1/presence?${q}`)).presence;
  }

  private append<T>(method: string, path: string, body: unknown, options: Keyed = {}): Promise<T> {
    return this.call(path, { method, body, key: options.key ?? this.environment.uuid(), signal: options.signal });
  }

  /** Asks until there is an answer or no sense in asking again. */
  private async call<T>(path: string, call: Call = {}): Promise<T> {
    let fresh = false;
    for (let tries = 1; ; tries++) {
      try {
        return await this.once<T>(path, call, fresh);
      } catch (error) {
        if (!(error instanceof RefusedError) || tries >= maxTries || error.retryAfterMs > maxHintMs) throw error;
        if (error.status === 401 && !fresh) {
          fresh = true;
          continue;
        }
        if (!error.retryable) throw error;
        await pause(error.retryAfterMs + this.environment.random() * 100 * 2 ** tries, call.signal);
        if (call.signal?.aborted) throw error;
      }
    }
  }

  private async once<T>(path: string, call: Call, fresh: boolean): Promise<T> {
    const abort = new AbortController();
    const end = () => abort.abort();
    if (call.signal?.aborted) end();
    call.signal?.addEventListener('abort', end);
    const timer = setTimeout(end, timeoutMs);
    try {
      const token = await this.options.token({ fresh, signal: abort.signal }).catch((cause: unknown) => {
        throw new TokenError('the token provider failed', { cause });
      });
      const response = await this.environment
        .fetch(this.base + path, {
          method: call.method ?? 'GET',
          signal: abort.signal,
          cache: 'no-store',
          credentials: 'omit',
          headers: {
            Authorization: `Bearer ${token}`,
            ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
            ...(call.key ? { 'Idempotency-Key': call.key } : {}),
          },
          ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        })
        .then(async (r) => ({ status: r.status, head: r.headers, text: await r.text() }))
        .catch((cause: unknown) => {
          if (call.signal?.aborted) throw new StoppedError('the call was aborted', { cause });
          throw new OfflineError('the gateway did not answer', { cause });
        });
      if (response.status >= 300) throw problemOf(response);
      return parse<T>(response.text);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', end);
    }
  }
}

function parse<T>(text: string): T {
  if (!text) return undefined as T;
  try {
    return JSON.parse(text);
  } catch {
    // The parser's error repeats what people wrote: it goes nowhere.
    throw new OfflineError('the answer cannot be read');
  }
}

/** Makes an error of a refused call. One without a problem in it comes from something in between. */
function problemOf({ status, head, text }: { status: number; head: Headers; text: string }): RefusedError {
  let problem: Partial<wire.Problem> = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // Not a problem: a proxy's page.
  }
  const seconds = Number(head.get('Retry-After')) || 0;
  const between = status >= 502 && status <= 504 ? 'unavailable' : 'internal';
  return new RefusedError(
    problem.code ?? between,
    problem.code ? problem.detail : `the answer is no problem of the gateway's: ${status}`,
    problem.retry_after_ms ?? seconds * 1000,
    status,
  );
}

import { execFile } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What these tests read of world.json, which `world run` names. */
interface Description {
  kubeconfig: string;
  kubectl: string;
  webURL: string;
  issuer: { id: string; audience: string; keyFile: string };
  sink: { url: string };
}

export interface Entry {
  seq: number;
  sender: string;
  kind: string;
  body?: string;
  client_msg_id?: string;
  verdict?: { action: string };
}

function read(): Description {
  const file = process.env['CHATCLUSTER_WORLD'];
  if (!file) throw new Error('CHATCLUSTER_WORLD is not set: these tests need a world of their own, use make test-browser');
  return JSON.parse(readFileSync(file, 'utf8')) as Description;
}

const about = read();

export const namespace = 'chat';
/** Where the web client is, and the push sink's page. */
export const webURL = about.webURL;
export const sinkURL = about.sink.url;

/** Runs kubectl as a person would. */
export async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run(about.kubectl, args, { env: { ...process.env, KUBECONFIG: about.kubeconfig }, timeout: 180_000 });
  return stdout;
}

/** The names of a role's pods that are ready and not on their way out. */
export async function pods(role: string): Promise<string[]> {
  const list = JSON.parse(
    await kubectl('get', 'pods', '-n', namespace, '-l', `app.kubernetes.io/component=${role}`, '-o', 'json'),
  ) as {
    items: { metadata: { name: string; deletionTimestamp?: string }; status: { conditions?: { type: string; status: string }[] } }[];
  };
  return list.items
    .filter((p) => !p.metadata.deletionTimestamp && p.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
    .map((p) => p.metadata.name);
}

let key: { private: KeyObject; id: string } | undefined;

/** The issuer's key and its RFC 7638 thumbprint, by which tokens name it. */
function signer(): { private: KeyObject; id: string } {
  if (!key) {
    const secret = createPrivateKey(readFileSync(about.issuer.keyFile));
    const { crv, kty, x, y } = createPublicKey(secret).export({ format: 'jwk' });
    key = { private: secret, id: createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url') };
  }
  return key;
}

/** A token for a user of the sample's tenant, as its issuer would sign it. */
export function tokenOf(user: string): string {
  const { private: secret, id } = signer();
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: about.issuer.id, aud: [about.issuer.audience], sub: user, iat: now, nbf: now, exp: now + 3600, jti: crypto.randomUUID() };
  const text = `${part({ alg: 'ES256', typ: 'JWT', kid: id })}.${part(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key: secret, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** REST as a user: what the server says beside what a screen shows. A retryable answer is asked again, as the protocol wants it. */
export class Rest {
  readonly #token: string;

  constructor(readonly user: string) {
    this.#token = tokenOf(user);
  }

  async call<T>(method: string, path: string, body?: object, head: Record<string, string> = {}): Promise<T> {
    for (let tries = 0; ; tries++) {
      const answer = await fetch(new URL(path, webURL), {
        method,
        headers: { authorization: `Bearer ${this.#token}`, ...(body ? { 'content-type': 'application/json' } : {}), ...head },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(20_000),
      });
      if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
      const wait = Number(answer.headers.get('retry-after'));
      if (!wait || tries > 30) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      await new Promise((resolve) => setTimeout(resolve, wait * 1000 * (0.5 + Math.random() / 2)));
    }
  }

  async direct(other: string): Promise<string> {
    return (await this.call<{ id: string }>('POST', '/v1/conversations', { kind: 'direct', user: other })).id;
  }

  async group(title: string, members: string[]): Promise<string> {
    const id = { 'idempotency-key': crypto.randomUUID() };
    return (await this.call<{ id: string }>('POST', '/v1/conversations', { kind: 'group', title, members }, id)).id;
  }

  async say(conversation: string, body: string): Promise<void> {
    await this.call('POST', `/v1/conversations/${conversation}/messages`, { body }, { 'idempotency-key': crypto.randomUUID() });
  }

  /** What was said last. */
  async newest(conversation: string): Promise<string> {
    const { entries } = await this.call<{ entries: Entry[] }>('GET', `/v1/conversations/${conversation}/messages`);
    const body = entries.findLast((e) => e.kind === 'message')?.body;
    if (!body) throw new Error('nothing was said lately');
    return body;
  }

  /** The messages of a conversation, oldest first, as the server keeps them. */
  async messages(conversation: string): Promise<Entry[]> {
    const out: Entry[] = [];
    for (let after = 0; ; ) {
      const page = await this.call<{ entries: Entry[]; more: boolean }>('GET', `/v1/conversations/${conversation}/messages?after=${after}`);
      out.push(...page.entries);
      const last = page.entries.at(-1);
      if (!page.more || !last) return out.filter((e) => e.kind === 'message');
      after = last.seq;
    }
  }
}

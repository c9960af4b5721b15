import { claimsOf } from './claims';
import { type Config, type Issuer, pageURL } from './config';
import { challengeOf, randomToken } from './pkce';
import type { Tokens } from './tokens';

/** A sign-in that cannot go on: what happened, and what the person can do. */
export class SignInError extends Error {
  constructor(
    message: string,
    readonly code = '',
  ) {
    super(message);
    this.name = 'SignInError';
  }
}

interface Discovery {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  end_session_endpoint?: string;
}

/** What is remembered while the person is with the issuer. */
interface Attempt {
  state: string;
  nonce: string;
  verifier: string;
  issuer: string;
  hash: string;
  silent: boolean;
}

const attemptKey = 'chatcluster.sign-in';
const patience = 15_000;

async function discover(issuer: Issuer): Promise<Discovery> {
  const url = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  let found: Discovery;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(patience), credentials: 'omit' });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    found = (await answer.json()) as Discovery;
  } catch {
    throw new SignInError(`${issuer.name} cannot be reached. Check your connection and try again.`);
  }
  if (found.issuer !== issuer.issuer)
    throw new SignInError(`${issuer.name} says that it is somebody else. Tell whoever runs this service.`);
  for (const endpoint of [found.authorization_endpoint, found.token_endpoint]) {
    if (typeof endpoint !== 'string' || !/^https?:$/.test(new URL(endpoint).protocol)) {
      throw new SignInError(`${issuer.name} does not say where to sign in. Tell whoever runs this service.`);
    }
  }
  return found;
}

/** The URL at which the person signs in. A silent attempt asks whether they still are, and never shows anything. */
export async function beginSignIn(issuer: Issuer, silent = false): Promise<string> {
  const { authorization_endpoint } = await discover(issuer);
  const attempt: Attempt = {
    state: randomToken(),
    nonce: randomToken(),
    verifier: randomToken(),
    issuer: issuer.issuer,
    hash: location.hash,
    silent,
  };
  sessionStorage.setItem(attemptKey, JSON.stringify(attempt));
  const url = new URL(authorization_endpoint);
  const ask: Record<string, string> = {
    response_type: 'code',
    client_id: issuer.clientID,
    redirect_uri: pageURL(),
    scope: issuer.scopes.join(' '),
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: await challengeOf(attempt.verifier),
    code_challenge_method: 'S256',
  };
  if (issuer.audience) ask.audience = issuer.audience;
  if (silent) ask.prompt = 'none';
  for (const [key, value] of Object.entries(ask)) url.searchParams.set(key, value);
  return url.href;
}

/** What a sign-in came to: tokens, and where in the page the person was. */
export interface Arrival {
  tokens?: Tokens;
  hash: string;
}

/**
 * Completes the sign-in that the page was opened for, if it was. The answer is taken out of the address bar before anything else happens.
 */
export async function completeSignIn(config: Config): Promise<Arrival | undefined> {
  const answer = new URL(location.href).searchParams;
  if (!answer.has('state') || !(answer.has('code') || answer.has('error'))) return undefined;
  const remembered = sessionStorage.getItem(attemptKey);
  sessionStorage.removeItem(attemptKey);
  const attempt = remembered ? (JSON.parse(remembered) as Attempt) : undefined;
  history.replaceState(null, '', location.pathname + (attempt?.hash ?? ''));

  if (!attempt || attempt.state !== answer.get('state')) {
    throw new SignInError('This sign-in was not started here, or is already over. Sign in again.', 'state');
  }
  const issuer = config.issuers.find((i) => i.issuer === attempt.issuer);
  if (!issuer) throw new SignInError('The issuer is not known any more. Sign in again.', 'issuer');
  const from = answer.get('iss');
  if (from !== null && from !== issuer.issuer)
    throw new SignInError('Somebody else has answered this sign-in. Sign in again.', 'issuer');
  const failure = answer.get('error');
  if (failure !== null) {
    if (attempt.silent) return { hash: attempt.hash };
    const why =
      failure === 'access_denied'
        ? 'It was cancelled, or you may not use this service.'
        : `${issuer.name} answered “${failure}”.`;
    throw new SignInError(`You are not signed in. ${why}`, failure);
  }
  const tokens = await exchange(
    issuer,
    {
      grant_type: 'authorization_code',
      code: answer.get('code') ?? '',
      redirect_uri: pageURL(),
      client_id: issuer.clientID,
      code_verifier: attempt.verifier,
    },
    attempt.nonce,
  );
  return { tokens, hash: attempt.hash };
}

/** New tokens for old ones. Undefined: the issuer gave nothing to renew with. */
export async function renew(issuer: Issuer, old: Tokens): Promise<Tokens | undefined> {
  if (!old.refresh) return undefined;
  const fresh = await exchange(issuer, {
    grant_type: 'refresh_token',
    refresh_token: old.refresh,
    client_id: issuer.clientID,
  });
  return { ...fresh, refresh: fresh.refresh ?? old.refresh };
}

async function exchange(issuer: Issuer, form: Record<string, string>, nonce?: string): Promise<Tokens> {
  const { token_endpoint } = await discover(issuer);
  let answer: Response;
  try {
    answer = await fetch(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(patience),
      credentials: 'omit',
    });
  } catch {
    throw new SignInError(`${issuer.name} cannot be reached. Check your connection and try again.`, 'unreachable');
  }
  const said = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (!answer.ok) {
    const code = typeof said.error === 'string' ? said.error : `HTTP ${answer.status}`;
    throw new SignInError(
      `${issuer.name} has refused the sign-in (${code}). Sign in again.`,
      answer.status >= 500 ? 'unreachable' : code,
    );
  }
  const id = typeof said.id_token === 'string' ? said.id_token : '';
  if (nonce !== undefined && claimsOf(id)?.nonce !== nonce) {
    throw new SignInError(`The answer of ${issuer.name} is not for this sign-in. Sign in again.`, 'nonce');
  }
  const token = said[issuer.token];
  if (typeof token !== 'string' || !claimsOf(token)) {
    throw new SignInError(`${issuer.name} gave no token that this service can use. Tell whoever runs it.`, 'token');
  }
  return {
    token,
    issuer: issuer.issuer,
    ...(typeof said.refresh_token === 'string' ? { refresh: said.refresh_token } : {}),
  };
}

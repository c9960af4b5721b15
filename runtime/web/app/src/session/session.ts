import { computed, signal } from '@preact/signals';
import { claimsOf } from './claims';
import { type Config, type Issuer, loadConfig } from './config';
import { beginSignIn, completeSignIn, renew, SignInError } from './oidc';
import { siblings } from './siblings';
import { keepTokens, keptTokens, type Tokens } from './tokens';

/** The time before the expiry in which a token is renewed, and how long other tabs have to answer. */
const margin = 60_000;
const siblingsPatience = 250;

const config = signal<Config | undefined>(undefined);
const tokens = signal<Tokens | undefined>(undefined);

export const starting = signal(true);
/** Why the person is not signed in, or is not for long. */
export const trouble = signal('');
/** Signed in, but the token has run out and only the person can get another. */
export const lapsed = signal(false);
export const issuers = computed<Issuer[]>(() => config.value?.issuers ?? []);
export const version = computed(() => config.value?.version ?? '');
export const me = computed(() => (tokens.value ? (claimsOf(tokens.value.token)?.sub ?? '') : ''));
export const tokenDevice = computed(() => (tokens.value ? claimsOf(tokens.value.token)?.device : undefined));

const others = siblings(
  () => tokens.peek(),
  (heard) => {
    if (heard && me.peek() && claimsOf(heard.token)?.sub !== me.peek()) return;
    adopt(heard);
  },
);

function adopt(fresh: Tokens | undefined): void {
  keepTokens(fresh);
  tokens.value = fresh;
  lapsed.value = false;
  if (fresh) trouble.value = '';
}

function take(fresh: Tokens | undefined): void {
  adopt(fresh);
  others.tell(fresh);
}

function leftOf(held: Tokens): number {
  const exp = claimsOf(held.token)?.exp;
  return exp === undefined ? Infinity : exp * 1000 - Date.now();
}

/** Finds out who is here: from an issuer's answer, from this tab's storage, from another tab. */
export async function start(): Promise<void> {
  try {
    try {
      config.value = await loadConfig();
    } catch (error) {
      trouble.value = navigator.onLine ? messageOf(error) : '';
    }
    if (config.value) {
      const arrival = await completeSignIn(config.value);
      if (arrival?.tokens) return take(arrival.tokens);
      if (arrival) return keepTokens(undefined);
    }
    const kept = keptTokens() ?? (await askSiblings());
    if (kept) adopt(kept);
    if (kept && leftOf(kept) <= 0 && navigator.onLine) await token().catch(() => silently(kept));
  } catch (error) {
    trouble.value = messageOf(error);
  } finally {
    starting.value = false;
  }
}

async function askSiblings(): Promise<Tokens | undefined> {
  others.ask();
  await new Promise<void>((resolve) => {
    const stop = tokens.subscribe((heard) => heard && resolve());
    setTimeout(() => {
      stop();
      resolve();
    }, siblingsPatience);
  });
  return tokens.peek();
}

/** Asks the issuer whether the person is still known to it; the page comes back either way. */
async function silently(kept: Tokens): Promise<void> {
  const issuer = issuers.value.find((i) => i.issuer === kept.issuer);
  if (issuer) location.assign(await beginSignIn(issuer, true));
}

let renewing: Promise<string> | undefined;

/**
 * A token that is good for a while, or a fresh one when the one before was refused. It is asked before each connect and call.
 * One renewal at a time, over all tabs.
 */
export async function token(fresh = false): Promise<string> {
  const held = tokens.peek();
  if (!held) throw new SignInError('You are not signed in.', 'signed-out');
  if (!fresh && leftOf(held) > margin) return held.token;
  renewing ??= navigator.locks.request('chatcluster.renew', () => renewed(held)).finally(() => (renewing = undefined));
  return renewing;
}

async function renewed(before: Tokens): Promise<string> {
  const held = tokens.peek();
  if (!held) throw new SignInError('You are not signed in.', 'signed-out');
  if (held.token !== before.token) return held.token; // another tab was first
  const issuer = issuers.value.find((i) => i.issuer === held.issuer);
  let why: unknown = new SignInError('Your sign-in has run out. Sign in again.', 'expired');
  try {
    const fresh = issuer && (await renew(issuer, held));
    if (fresh) {
      take(fresh);
      return fresh.token;
    }
  } catch (error) {
    why = error;
  }
  if (leftOf(held) > 0) return held.token;
  if (!(why instanceof SignInError && why.code === 'unreachable')) lapsed.value = true;
  throw why;
}

export async function signInWith(issuer: Issuer): Promise<void> {
  try {
    trouble.value = '';
    location.assign(await beginSignIn(issuer));
  } catch (error) {
    trouble.value = messageOf(error);
  }
}

/** The issuer that the person signed in with, or the only one that there is. */
export async function signInAgain(): Promise<void> {
  const issuer = issuers.value.find((i) => i.issuer === tokens.peek()?.issuer);
  if (issuer) return signInWith(issuer);
  forget('Sign in again to go on.');
}

export function useToken(pasted: string): void {
  const trimmed = pasted.trim();
  const claims = claimsOf(trimmed);
  if (!claims) {
    trouble.value = 'This is not a token. Paste all of it: three parts with dots between them.';
  } else if (claims.exp !== undefined && claims.exp * 1000 <= Date.now()) {
    trouble.value = 'This token has run out. Get a new one.';
  } else {
    take({ token: trimmed });
  }
}

/** Forgets who was here, in all tabs. */
export function forget(why = ''): void {
  take(undefined);
  trouble.value = why;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

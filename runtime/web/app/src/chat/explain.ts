import {
  CloseError,
  isTemporary,
  OfflineError,
  OutboxFullError,
  RefusedError,
  StorageError,
  TokenError,
} from '@chatcluster/client';

const sentences: Record<string, string> = {
  too_large: 'It is too long. Shorten it.',
  not_member: 'You are not a member of this conversation any more.',
  not_found: 'It is not there any more.',
  forbidden: 'You may not do this here.',
  too_old: 'It is too old to be changed.',
  rate_limited: 'That was too fast. Wait a moment, then try again.',
  quota_exceeded: 'The service is at its limit. Wait a moment, then try again.',
  suspended: 'This service is suspended. Ask whoever runs it.',
  busy: 'The service is busy. Try again in a moment.',
  unavailable: 'The service did not answer. Try again in a moment.',
  internal: 'Something went wrong at the server. Try again.',
  retry_too_old: 'It waited too long. Look whether it arrived, then send it again.',
  unauthenticated: 'You are not signed in any more. Sign in again.',
  token_expired: 'Your sign-in has run out. Sign in again.',
  too_many_devices: 'You have too many devices. Sign one out in Settings.',
};

const closes: Record<number, string> = {
  3501: 'This device is connected somewhere else.',
  3502: 'The server does not understand this page. Reload it.',
  3503: 'The server refused what was sent. Reload the page.',
  3505: 'You have too many devices. Sign one out in Settings.',
  3506: 'This service is suspended. Ask whoever runs it.',
};

/** What happened and what to do, for people. */
export function explain(error: unknown): string {
  if (error instanceof RefusedError) {
    if (error.code === 'muted') return error.detail ? `You are muted: ${error.detail}.` : 'You are muted for now.';
    if (error.code === 'invalid' || error.code === 'forbidden')
      return error.detail ? capital(error.detail) : (sentences[error.code] ?? 'This is not possible.');
    return sentences[error.code] ?? (error.detail ? capital(error.detail) : 'The server refused this.');
  }
  if (error instanceof CloseError) return closes[error.code] ?? 'Your sign-in is not good any more. Sign in again.';
  if (error instanceof OfflineError) return 'There is no connection. Try again when you are online.';
  if (error instanceof OutboxFullError) return 'Too many messages wait to be sent. Wait until some have gone.';
  if (error instanceof StorageError) return 'The browser cannot store more. Messages stay until this page is closed.';
  if (error instanceof TokenError) return 'Your sign-in could not be renewed. Sign in again.';
  if (isTemporary(error)) return 'It did not work this time. Try again.';
  return error instanceof Error ? error.message : 'Something went wrong. Reload the page.';
}

function capital(detail: string): string {
  const sentence = detail.charAt(0).toLocaleUpperCase() + detail.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

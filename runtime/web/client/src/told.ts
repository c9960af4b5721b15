import type { Told, ToldState } from './between.js';
import { AccountError, ChatError, CloseError, OfflineError, RefusedError, TokenError } from './errors.js';
import type { Connection } from './types.js';

/** Errors lose their class on the way to another tab: this is how they get it back. */
export function tell(error: ChatError): Told {
  const { name, message } = error;
  if (error instanceof RefusedError) {
    return { name, message, code: error.code, detail: error.detail, retryAfterMs: error.retryAfterMs };
  }
  if (error instanceof CloseError) {
    return { name, message, code: error.code, ...(error.refusal ? { refusal: tell(error.refusal) } : {}) };
  }
  return { name, message };
}

export function hear(told: Told): ChatError {
  switch (told.name) {
    case 'RefusedError':
      return refusal(told);
    case 'CloseError':
      return new CloseError(Number(told.code), told.refusal && refusal(told.refusal));
    case 'OfflineError':
      return new OfflineError(told.message);
    case 'TokenError':
      return new TokenError(told.message);
    case 'AccountError':
      return new AccountError(told.message);
    default:
      return new ChatError(told.message);
  }
}

export function refusal(told: Told): RefusedError {
  return new RefusedError(String(told.code), told.detail, told.retryAfterMs);
}

export function tellState(connection: Connection): ToldState {
  const { phase, ...rest } = connection;
  return 'error' in connection && connection.error
    ? { phase, ...rest, error: tell(connection.error) }
    : ({ phase, ...rest } as ToldState);
}

export function hearState(told: ToldState): Connection {
  return (told.error ? { ...told, error: hear(told.error) } : told) as Connection;
}

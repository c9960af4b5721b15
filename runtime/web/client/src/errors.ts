/** Everything that this package throws or reports is a ChatError. */
export class ChatError extends Error {
  override readonly name: string = 'ChatError';
}

const retryable = new Set(['rate_limited', 'quota_exceeded', 'busy', 'unavailable']);

/** The server refused, and says why by `code`: one of the table in docs/protocol.md, or one that is newer than this package. */
export class RefusedError extends ChatError {
  override readonly name = 'RefusedError';

  constructor(
    readonly code: string,
    /** For people, in English. It never holds what people wrote. */
    readonly detail = '',
    /** How long to wait before the next try; 0: the server does not say. */
    readonly retryAfterMs = 0,
    /** The HTTP status, 0 on the socket. */
    readonly status = 0,
  ) {
    super(detail ? `${code}: ${detail}` : code);
  }

  /** Whether the very same may be asked again, unchanged, after the hint. */
  get retryable(): boolean {
    return retryable.has(this.code);
  }
}

/** The gateway ended the connection for good (3500 to 3999): the client does not come back until it is started again. */
export class CloseError extends ChatError {
  override readonly name = 'CloseError';

  constructor(
    readonly code: number,
    /** What was refused just before, where the gateway said so. */
    readonly refusal?: RefusedError,
  ) {
    super(`the gateway closed the connection for good (${code})${refusal ? `: ${refusal.message}` : ''}`);
  }

  /** The token was refused, or it, the device or the user was revoked: have the user sign in. */
  get signedOut(): boolean {
    return this.code === 3500 || this.code === 3504;
  }

  /** The same device connected again elsewhere; `start` takes the connection back. */
  get replaced(): boolean {
    return this.code === 3501;
  }
}

/** There is no connection now, or no answer came; the same may work later. */
export class OfflineError extends ChatError {
  override readonly name = 'OfflineError';
}

/** The client was stopped. What is in the outbox stays there. */
export class StoppedError extends ChatError {
  override readonly name = 'StoppedError';
}

/** Too many messages have no answer yet. */
export class OutboxFullError extends ChatError {
  override readonly name = 'OutboxFullError';
}

/** The browser's storage refused. The client goes on in memory. */
export class StorageError extends ChatError {
  override readonly name = 'StorageError';
}

/** What is kept here belongs to another user than the token: nothing of it is sent. Use another `account`, or sign out. */
export class AccountError extends ChatError {
  override readonly name = 'AccountError';
}

/** The token provider failed. */
export class TokenError extends ChatError {
  override readonly name = 'TokenError';
}

/** Whether the same call, made later, may succeed. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof RefusedError)
    return error.retryable || error.code === 'internal' || error.code === 'token_expired';
  return error instanceof OfflineError || error instanceof OutboxFullError || error instanceof TokenError;
}

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { Mark } from '../ui/icons';
import { issuers, signInWith, trouble, useToken } from './session';

/** Nobody is signed in. */
export function SignIn(): VNode {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [pasted, setPasted] = useState('');
  const only = issuers.value.length === 0;
  const enter = (event: Event): void => {
    event.preventDefault();
    useToken(pasted);
    setPasted('');
  };
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <Mark />
        <h1>Sign in to ChatCluster</h1>
        <p class="hint">Your conversations, on this device too.</p>
        {trouble.value && (
          <p class="sign-in-trouble" role="alert">
            {trouble.value}
          </p>
        )}
        {issuers.value.map((issuer) => (
          <button
            key={issuer.issuer}
            type="button"
            class="button primary wide"
            disabled={busy}
            onClick={() => {
              setBusy(true);
              void signInWith(issuer).finally(() => setBusy(false));
            }}
          >
            Continue with {issuer.name}
          </button>
        ))}
        <button
          type="button"
          class="text-button"
          aria-expanded={open || only}
          aria-controls="token-form"
          onClick={() => setOpen(!open)}
        >
          Use a token
        </button>
        {(open || only) && (
          <form id="token-form" class="sign-in-token" onSubmit={enter}>
            <label class="field">
              <span>Token</span>
              <textarea
                class="input"
                rows={4}
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
                placeholder="What your service or “make up” gave you"
                value={pasted}
                onInput={(event) => setPasted(event.currentTarget.value)}
              />
            </label>
            <button type="submit" class="button wide" disabled={pasted.trim() === ''}>
              Sign in
            </button>
          </form>
        )}
      </div>
    </main>
  );
}

import type { VNode } from 'preact';
import { signOut, signOutEverywhere } from '../chat/connect';
import { explain } from '../chat/explain';
import { me, version } from '../session/session';
import { Avatar } from '../ui/Avatar';
import { BackToChats } from '../ui/BackToChats';
import { confirmed } from '../ui/confirm';
import { notify } from '../ui/notices';
import { Devices } from './Devices';
import { theme, themes } from './theme';

export function Settings(): VNode {
  const leave = async (): Promise<void> => {
    const yes = await confirmed(
      'Sign out?',
      'What is stored in this browser is deleted. Messages that wait to be sent are lost.',
      'Sign out',
    );
    if (yes) await signOut();
  };
  const leaveAll = async (): Promise<void> => {
    const yes = await confirmed('Sign out everywhere?', 'All your devices are signed out, this one too.', 'Sign out');
    if (yes) await signOutEverywhere().catch((error: unknown) => notify(explain(error)));
  };
  return (
    <main class="settings" aria-label="Settings">
      <header class="bar">
        <BackToChats />
        <h1>Settings</h1>
      </header>
      <div class="settings-body">
        <section class="card settings-me">
          <Avatar name={me.value} size="large" />
          <div>
            <p class="details-title">{me.value}</p>
            <p class="hint">Signed in on this device</p>
          </div>
        </section>
        <section class="card">
          <fieldset class="appearance">
            <legend>Appearance</legend>
            <div class="segments">
              {themes.map((name) => (
                <label key={name}>
                  <input
                    type="radio"
                    name="theme"
                    checked={theme.value === name}
                    onChange={() => (theme.value = name)}
                  />
                  <span>{name}</span>
                </label>
              ))}
            </div>
          </fieldset>
        </section>
        <Devices />
        <section class="card settings-leave">
          <button type="button" class="button" onClick={() => void leave()}>
            Sign out
          </button>
          <button type="button" class="button quiet-danger" onClick={() => void leaveAll()}>
            Sign out everywhere
          </button>
        </section>
        {version.value && <p class="hint settings-version">ChatCluster {version.value}</p>}
      </div>
    </main>
  );
}

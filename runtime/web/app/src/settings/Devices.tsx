import type { DeviceDetails, Session } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { signOut } from '../chat/connect';
import { explain } from '../chat/explain';
import { useClient, useReadable } from '../chat/useReadable';
import { confirmed } from '../ui/confirm';
import { Icon } from '../ui/icons';
import { notify } from '../ui/notices';
import { dateOf } from '../ui/time';

const phones = new Set(['ios', 'android', 'amazon']);
const platforms: Record<string, string> = {
  ios: 'iPhone or iPad',
  android: 'Android',
  amazon: 'Amazon',
  web: 'Browser',
  cli: 'Terminal',
};

/** Where the person is signed in, and which of these are connected now. */
export function Devices(): VNode {
  const client = useClient();
  const connection = useReadable(client.connection);
  const online = connection.phase === 'online';
  const [devices, setDevices] = useState<readonly DeviceDetails[]>();
  const [sessions, setSessions] = useState<readonly Session[]>([]);
  const [trouble, setTrouble] = useState('');
  const here = client.device;

  const load = async (): Promise<void> => {
    try {
      const [all, connected] = await Promise.all([client.rest.devices(), client.rest.sessions()]);
      setDevices(
        all.toSorted(
          (a, b) => Number(b.id === here) - Number(a.id === here) || b.registered_at_ms - a.registered_at_ms,
        ),
      );
      setSessions(connected);
      setTrouble('');
    } catch (error) {
      setTrouble(explain(error));
    }
  };
  useEffect(() => void load(), [client, online]);

  const remove = async (device: string): Promise<void> => {
    const yes = await confirmed(`Sign out ${device}?`, 'It is disconnected and gets no more messages.', 'Sign out');
    if (!yes) return;
    if (device === here) return signOut();
    try {
      await client.rest.signOutDevice(device);
      await load();
    } catch (error) {
      notify(explain(error));
    }
  };
  return (
    <section class="card">
      <h2>Devices</h2>
      {trouble && (
        <p class="error" role="alert">
          {trouble}{' '}
          <button type="button" class="text-button" onClick={() => void load()}>
            Try again
          </button>
        </p>
      )}
      {!devices && !trouble && <p class="hint">Loading…</p>}
      <ul class="people" aria-label="Devices">
        {devices?.map((device) => {
          const live = sessions.some((session) => session.device === device.id);
          return (
            <li key={device.id} class="person">
              <span class="device-face">
                <Icon name={phones.has(device.platform) ? 'phone' : 'device'} />
              </span>
              <span class="person-name">
                {platforms[device.platform] ?? device.platform}
                <span class="hint">
                  {device.id === here ? 'This device' : live ? 'Connected' : `Since ${dateOf(device.registered_at_ms)}`}{' '}
                  · {device.id}
                </span>
              </span>
              <button
                type="button"
                class="text-button"
                aria-label={`Sign out ${device.id}`}
                onClick={() => void remove(device.id)}
              >
                Sign out
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

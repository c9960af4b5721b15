import { expect, nameOf, test } from './people.js';
import { Wire } from './wire.js';
import { kubectl, namespace, pods } from './world.js';

/** So tall that every message of a test is on the screen at once. */
const tall = { viewport: { width: 1000, height: 3000 } };

test('nothing is lost or doubled when the network goes in the middle of a message', async ({ enter }) => {
  const wire = await Wire.lay();
  try {
    const [a, b] = [nameOf('alice'), nameOf('bob')];
    const alice = await enter(a, { ...tall, url: wire.url });
    const bob = await enter(b, tall);
    const conversation = await alice.rest.direct(b);
    await alice.open(b);
    await bob.open(a);
    const said: string[] = [];
    const say = async (): Promise<string> => {
      const text = `m from ${said.length + 1}`;
      said.push(text);
      await alice.say(text);
      return text;
    };
    await alice.ticked(await say(), /Sent|Delivered|Read/);

    // The server takes it, and alice never hears of that.
    wire.loseAnswers();
    const unheard = await say();
    await expect.poll(async () => (await bob.rest.messages(conversation)).map((m) => m.body)).toContain(unheard);
    await expect(alice.message(unheard).getByRole('img', { name: 'Sending' })).toBeVisible();
    wire.cut();
    await expect(alice.page.getByRole('status', { name: 'Connection' })).toBeVisible();
    for (let i = 0; i < 5; i++) await say();
    const meanwhile = 'm from 99';
    await bob.say(meanwhile);
    wire.mend();
    for (const text of said) await alice.ticked(text, /Sent|Delivered|Read/);
    await expect(alice.message(meanwhile)).toBeVisible();
    await alice.connected();

    const kept = (await alice.rest.messages(conversation)).map((m) => m.body ?? '');
    expect(kept.filter((body) => body !== meanwhile), 'what the server keeps of alice').toEqual(said);
    for (const person of [alice, bob]) await expect.poll(() => person.shown('m'), { message: `${person.user}'s screen` }).toEqual(kept);
  } finally {
    await wire.remove();
  }
});

test('the page opens offline, with what waits to be sent, and sends it later', async ({ enter }) => {
  const wire = await Wire.lay();
  try {
    const [a, b] = [nameOf('alice'), nameOf('bob')];
    const alice = await enter(a, { ...tall, url: wire.url });
    const bob = await enter(b, tall);
    const conversation = await alice.rest.direct(b);
    await alice.open(b);
    await bob.open(a);
    const want = ['m from 1', 'm from 2', 'm from 3'];
    await alice.say('m from 1');
    await alice.ticked('m from 1', /Sent|Delivered|Read/);

    await alice.page.evaluate(async () => void (await navigator.serviceWorker.ready));
    wire.cut();
    await alice.context.setOffline(true);
    await expect(alice.page.getByRole('status', { name: 'Connection' })).toHaveText(/Offline/);
    await alice.say('m from 2');
    await alice.say('m from 3');
    await expect(alice.message('m from 3').getByRole('img', { name: 'Sending' })).toBeVisible();
    // The page comes from the browser itself, and so does what waits in it.
    await alice.page.reload();
    await expect(alice.message('m from 3').getByRole('img', { name: 'Sending' })).toBeVisible();
    wire.mend();
    await alice.context.setOffline(false);
    for (const text of want) await alice.ticked(text, /Sent|Delivered|Read/);
    expect((await alice.rest.messages(conversation)).map((m) => m.body)).toEqual(want);
    for (const person of [alice, bob]) await expect.poll(() => person.shown('m'), { message: `${person.user}'s screen` }).toEqual(want);
  } finally {
    await wire.remove();
  }
});

test('two go on while the gateway under them is replaced', async ({ enter }) => {
  test.setTimeout(300_000);
  const [a, b] = [nameOf('alice'), nameOf('bob')];
  const alice = await enter(a, tall);
  const bob = await enter(b, tall);
  const conversation = await alice.rest.direct(b);
  await alice.open(b);
  await bob.open(a);
  const said: Record<string, string[]> = { [a]: [], [b]: [] };
  const round = async (): Promise<void> => {
    for (const person of [alice, bob]) {
      const mine = said[person.user] ?? [];
      const text = `m ${person === alice ? 'from' : 'back'} ${mine.length + 1}`;
      mine.push(text);
      await person.say(text);
    }
  };
  await round();
  const before = await pods('gateway');
  expect(before.length).toBeGreaterThan(0);
  await kubectl('delete', 'pods', '-n', namespace, '--wait=false', ...before);
  // They go on while it drains, while there is none, and when there is another.
  await expect
    .poll(
      async () => {
        await round();
        return (await pods('gateway')).filter((name) => !before.includes(name)).length;
      },
      { timeout: 180_000, intervals: [1000] },
    )
    .toBe(before.length);
  await expect
    .poll(async () => (await kubectl('get', 'pods', '-n', namespace, '-o', 'name')).split('\n').filter((p) => before.includes(p.replace('pod/', ''))), { timeout: 120_000 })
    .toEqual([]);
  await round();
  for (const person of [alice, bob]) {
    await person.connected();
    await person.ticked(said[person.user]?.at(-1) ?? '', /Sent|Delivered|Read/);
  }
  const kept = await alice.rest.messages(conversation);
  for (const person of [alice, bob]) {
    expect(kept.filter((m) => m.sender === person.user).map((m) => m.body), `what the server keeps of ${person.user}`).toEqual(said[person.user]);
  }
  for (const person of [alice, bob]) {
    await expect.poll(() => person.shown('m'), { message: `${person.user}'s screen` }).toEqual(kept.map((m) => m.body));
  }
});

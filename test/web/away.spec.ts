import { expect, nameOf, test } from './people.js';
import { Rest, sinkURL } from './world.js';

test('who is away gets a push on the phone', async ({ enter, page }) => {
  const [a, b] = [nameOf('alice'), nameOf('bob')];
  const bob = new Rest(b);
  const address = `phone-of-${b}`;
  await bob.call('PUT', '/v1/devices/phone', { platform: 'android', push_channel: 'GCM', push_token: address });
  const alice = await enter(a);
  await alice.startDirect(b);
  await alice.say('are you there?');
  await alice.ticked('are you there?', 'Sent');
  // The page there shows what a phone would, and asks for more by itself.
  await page.goto(`${sinkURL}/?address=${encodeURIComponent(address)}`);
  await expect(page.getByText('are you there?').first()).toBeVisible({ timeout: 60_000 });
});

test('what is profane is masked on both screens', async ({ enter }) => {
  const [a, b] = [nameOf('alice'), nameOf('bob')];
  const alice = await enter(a);
  const bob = await enter(b);
  await alice.rest.direct(b);
  await alice.open(b);
  await bob.open(a);
  await alice.say('what a load of shit, really');
  for (const person of [alice, bob]) {
    const masked = person.message('what a load of ****, really');
    await expect(masked).toBeVisible({ timeout: 60_000 });
    await expect(masked.getByRole('note', { name: 'Masked by moderation' })).toBeVisible();
    await expect(person.message('shit')).toHaveCount(0);
  }
});

test('two tabs of one browser agree', async ({ enter }) => {
  const [a, b] = [nameOf('alice'), nameOf('bob')];
  const alice = await enter(a);
  const bob = await enter(b);
  await bob.rest.direct(a);
  await bob.open(a);
  const second = await alice.context.newPage();
  await second.goto(alice.page.url());
  const chats = second.getByRole('navigation', { name: 'Chats' });
  await expect(chats, 'the second tab is signed in with the first').toBeVisible();

  await bob.say('hello to both');
  await expect(alice.chat(b)).toHaveAccessibleName(new RegExp(`${b}, 1 unread`));
  await expect(chats.getByRole('link', { name: new RegExp(b) })).toHaveAccessibleName(new RegExp(`${b}, 1 unread`));

  // What is read in one is read in the other, and what is said in one is there in the other, once.
  await alice.open(b);
  await expect(chats.getByRole('link', { name: new RegExp(b) })).not.toHaveAccessibleName(/unread/);
  await chats.getByRole('link', { name: new RegExp(b) }).click();
  await alice.say('hello from the first');
  const log = second.getByRole('log', { name: 'Messages' });
  await expect(log.getByRole('article').filter({ hasText: 'hello from the first' })).toHaveCount(1);
  await second.getByRole('textbox', { name: 'Message', exact: true }).fill('and from the second');
  await second.getByRole('button', { name: 'Send', exact: true }).click();
  for (const person of [alice, bob]) await expect(person.message('and from the second')).toHaveCount(1);
  // The tab that leads goes: the other one takes over.
  await alice.page.close();
  await bob.say('still there?');
  await expect(log.getByRole('article').filter({ hasText: 'still there?' })).toHaveCount(1);
});

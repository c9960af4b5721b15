import { mkdirSync } from 'node:fs';
import { expect, type Person, test } from './people.js';

/** Two of these are in the repository, as docs/images/web-client.png and docs/images/web-client-phone.png. */
const shots = '../../dist/test-browser/screens';
mkdirSync(shots, { recursive: true });

const talk: [string, string][] = [
  ['bob', 'Morning! Who is coming out on Saturday?'],
  ['carol', 'Me, if the wind stays below four.'],
  ['bob', 'Forecast says three, from the west.'],
  ['alice', 'Then I am in. Shall I bring the thermos?'],
  ['carol', 'Please. And the long rope, ours is at the workshop.'],
  ['alice', 'Rope and coffee it is ☕'],
  ['bob', 'Timetable of the ferry back: https://ferry.example/saturday'],
];

test('a group talks, on a desk and on a phone', async ({ enter }) => {
  const alice = await enter('alice');
  const bob = await enter('bob', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1.5 });
  const carol = await enter('carol');
  const people: Record<string, Person> = { alice, bob, carol };
  const title = 'Rowing club';

  const dave = await carol.rest.group('Harbour bakery', ['alice', 'dave']);
  await carol.rest.say(dave, 'Two loaves are put aside for you.');
  const direct = await bob.rest.direct('alice');
  await bob.rest.say(direct, 'Can I borrow your oar until Sunday?');
  await alice.startGroup(title, ['bob', 'carol']);
  for (const one of [bob, carol]) await one.chat(title).first().click();
  for (const [user, text] of talk) {
    await people[user]?.say(text);
    for (const one of [alice, bob, carol]) await expect(one.message(text)).toBeVisible();
  }
  await carol.choose('Then I am in. Shall I bring the thermos?', 'React with 👍');
  await bob.choose('Then I am in. Shall I bring the thermos?', 'React with 👍');
  await expect(alice.message('Then I am in.').getByRole('button', { name: '👍 2' })).toBeVisible();
  await alice.ticked('Rope and coffee it is', 'Read');
  await carol.page.getByRole('textbox', { name: 'Message', exact: true }).pressSequentially('See you');
  await expect(alice.page.getByRole('status', { name: 'Typing' })).toHaveText(/carol is typing/);
  await alice.page.mouse.move(0, 0);
  await alice.page.screenshot({ path: `${shots}/web-client.png` });
  await bob.page.screenshot({ path: `${shots}/web-client-phone.png` });
});

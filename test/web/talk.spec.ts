import { expect, shownConversation, test } from './people.js';

test('alice and bob sign in, and talk', async ({ arrive }) => {
  const alice = await arrive('alice');
  await expect(alice.page.getByRole('heading', { level: 1, name: 'Sign in to ChatCluster' })).toBeVisible();
  await alice.signIn();
  expect(alice.page.url(), 'the code stays in the address bar').not.toContain('code=');
  const bob = await arrive('bob');
  await bob.signIn();

  const mark = crypto.randomUUID().slice(0, 8);
  await alice.startDirect('bob');
  await alice.say(`${mark} hello bob`);
  // Bob is there and has not looked: two ticks of one kind. Then he looks.
  await alice.ticked(`${mark} hello bob`, 'Delivered');
  await expect(bob.chat('alice')).toHaveAccessibleName(/unread/);
  await bob.open('alice');
  await expect(bob.message(`${mark} hello bob`)).toBeVisible();
  await alice.ticked(`${mark} hello bob`, 'Read');

  await bob.page.getByRole('textbox', { name: 'Message', exact: true }).pressSequentially('a');
  await expect(alice.page.getByRole('status', { name: 'Typing' })).toHaveText(/bob is typing/);
  await bob.say(`${mark} hello alise`);
  await expect(alice.message(`${mark} hello alise`)).toBeVisible();

  await bob.choose(`${mark} hello alise`, 'Edit');
  await bob.page.getByRole('textbox', { name: 'Message', exact: true }).fill(`${mark} hello alice`);
  await bob.page.getByRole('button', { name: 'Save edit' }).click();
  await expect(alice.message(`${mark} hello alice`)).toBeVisible();
  await expect(alice.message(`${mark} hello alise`)).toHaveCount(0);

  await alice.choose(`${mark} hello alice`, 'React with 👍');
  await expect(bob.message(`${mark} hello alice`).getByRole('button', { name: '👍 1' })).toBeVisible();
  await expect(alice.message(`${mark} hello alice`).getByRole('button', { name: '👍 1' })).toHaveAttribute('aria-pressed', 'true');

  await alice.say(`${mark} what nobody should read`);
  await expect(bob.message(`${mark} what nobody should read`)).toBeVisible();
  await alice.choose(`${mark} what nobody should read`, 'Delete');
  await alice.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(bob.message(`${mark} what nobody should read`)).toHaveCount(0);
  await expect(bob.log.getByText('This message was deleted').last()).toBeVisible();

  await alice.page.getByRole('button', { name: 'Settings' }).click();
  await alice.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  const sure = alice.page.getByRole('dialog').getByRole('button', { name: 'Sign out' });
  await sure.click();
  await expect(alice.page.getByRole('heading', { level: 1, name: 'Sign in to ChatCluster' })).toBeVisible();
});

test('three talk in a group', async ({ arrive }) => {
  const people = [];
  for (const user of ['alice', 'bob', 'carol']) {
    const person = await arrive(user);
    await person.signIn();
    people.push(person);
  }
  const [alice, bob, carol] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]];
  const title = `lunch ${crypto.randomUUID().slice(0, 8)}`;
  await alice.startGroup(title, ['bob', 'carol']);
  const conversation = shownConversation(alice.page);
  await alice.say('who comes along?');
  for (const other of [bob, carol]) {
    await other.open(title);
    await expect(other.message('who comes along?')).toBeVisible();
  }
  await bob.say('I do');
  await carol.say('so do I');
  for (const person of people) {
    for (const text of ['who comes along?', 'I do', 'so do I']) await expect(person.message(text)).toHaveCount(1);
  }
  await alice.choose('who comes along?', 'Info');
  const receipts = alice.page.getByRole('dialog', { name: 'Message info' }).getByRole('list', { name: 'Receipts' });
  await expect(receipts).toContainText('bob');
  await expect(receipts).toContainText('carol');
  expect((await alice.rest.messages(conversation)).map((m) => `${m.sender}: ${m.body}`)).toEqual([
    'alice: who comes along?',
    'bob: I do',
    'carol: so do I',
  ]);
});

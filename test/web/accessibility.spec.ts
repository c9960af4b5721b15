import axe from 'axe-core';
import { mkdirSync } from 'node:fs';
import { expect, nameOf, type Person, test } from './people.js';
import { Rest } from './world.js';

const shots = '../../dist/test-browser/screens';
mkdirSync(shots, { recursive: true });

/** What axe finds on a page that keeps people from using it. */
async function audit(person: Person, screen: string): Promise<void> {
  await person.page.screenshot({ path: `${shots}/${screen}.png` });
  // The page's policy lets no script of another kind in; what the browser is told to evaluate is no part of the page.
  await person.page.evaluate(axe.source);
  const found = await person.page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .map((v) => `${v.impact} ${v.id}: ${v.help} (${v.nodes.map((n) => n.html.slice(0, 200)).join(' | ')})`);
  });
  expect(found, screen).toEqual([]);
}

for (const look of ['light', 'dark', 'phone'] as const) {
  test(`every screen can be used by everybody, ${look}`, async ({ arrive }) => {
    const [a, b] = [nameOf('alice'), nameOf('bob')];
    const other = new Rest(b);
    const conversation = await other.direct(a);
    await other.say(conversation, 'Are you coming to the harbour on Saturday?');
    await other.say(conversation, 'The ferry leaves at nine: https://ferry.example/timetable');
    const group = await other.group('Rowing club', [a, 'carol']);
    await other.say(group, 'Training is on Thursday this week.');

    const alice = await arrive(a, {
      colorScheme: look === 'dark' ? 'dark' : 'light',
      ...(look === 'phone' ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {}),
    });
    await expect(alice.page.getByRole('heading', { level: 1, name: 'Sign in to ChatCluster' })).toBeVisible();
    await audit(alice, `${look}-sign-in`);
    await alice.pasteToken();
    await expect(alice.chat(b)).toBeVisible();
    await audit(alice, `${look}-inbox`);
    await alice.open(b);
    await alice.say('I am. See you at the pier!');
    await alice.ticked('I am. See you at the pier!', /Sent|Delivered|Read/);
    await audit(alice, `${look}-conversation`);
    await alice.page.getByRole('button', { name: 'Details' }).click();
    await expect(alice.page.getByRole('complementary', { name: 'Details' })).toBeVisible();
    await audit(alice, `${look}-details`);
    await alice.page.getByRole('button', { name: 'Close details' }).click();
    if (look === 'phone') await alice.page.getByRole('button', { name: 'Back to chats' }).click();
    await alice.page.getByRole('button', { name: 'New conversation' }).click();
    await expect(alice.page.getByRole('dialog', { name: 'New conversation' })).toBeVisible();
    await audit(alice, `${look}-new-conversation`);
    await alice.page.keyboard.press('Escape');
    await alice.page.getByRole('button', { name: 'Settings' }).click();
    await expect(alice.page.getByRole('main', { name: 'Settings' })).toBeVisible();
    await audit(alice, `${look}-settings`);
  });
}

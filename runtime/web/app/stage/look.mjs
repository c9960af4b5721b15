// Looks at every screen of the stage in a real browser, light and dark, on a desk and on a phone: takes pictures, has axe audit them, and
// scrolls through 10,000 messages. Fails on what axe finds, and when the list moves under its reader.
//
//   node stage/look.mjs [folder for the pictures]     CHROMIUM is the browser: /usr/bin/chromium
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const pictures = process.argv[2];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const faults = [];
const tell = (line) => process.stdout.write(`${line}\n`);

const actions = async (page) => {
  const said = page.getByRole('article').filter({ hasText: 'Fruit is mine' });
  await said.hover();
  await said.getByRole('button', { name: 'Message actions' }).click();
};
const screens = {
  inbox: ['#/'],
  conversation: ['#/c/g-1'],
  empty: ['#/c/d-3'],
  settings: [
    '#/settings',
    (page) => page.getByRole('list', { name: 'Devices' }).getByRole('listitem').first().waitFor(),
  ],
  details: [
    '#/c/g-1',
    async (page) => {
      await page.getByRole('button', { name: 'Details' }).click();
      await page.getByRole('list', { name: 'Members' }).getByRole('listitem').first().waitFor();
    },
  ],
  menu: ['#/c/g-1', actions],
  question: [
    '#/c/g-1',
    async (page) => {
      await actions(page);
      await page.getByRole('menuitem', { name: 'Delete' }).click();
    },
  ],
  info: [
    '#/c/g-1',
    async (page) => {
      await actions(page);
      await page.getByRole('menuitem', { name: 'Info' }).click();
      await page.getByRole('list', { name: 'Receipts' }).getByRole('listitem').first().waitFor();
    },
  ],
  search: [
    '#/c/g-1',
    async (page) => {
      await page.getByRole('button', { name: 'Search in conversation' }).click();
      await page.getByRole('searchbox', { name: 'Search messages' }).fill('platform');
    },
  ],
  new: [
    '#/',
    async (page) => {
      await page.getByRole('button', { name: 'New conversation' }).click();
      await page.getByRole('radio', { name: 'Group' }).check();
    },
  ],
};
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 780 } };

async function audit(browser, base) {
  for (const colorScheme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries(sizes)) {
      const context = await browser.newContext({
        viewport,
        colorScheme,
        reducedMotion: 'reduce',
        hasTouch: size === 'phone',
      });
      for (const [name, [hash, act]] of Object.entries(screens)) {
        const screen = `${name}-${size}-${colorScheme}`;
        const page = await context.newPage();
        page.on('pageerror', (error) => faults.push(`${screen}: ${error.message}`));
        await page.goto(base + hash);
        await page.getByRole('main').waitFor({ state: 'attached' });
        await act?.(page);
        if (pictures) await page.screenshot({ path: `${pictures}/${screen}.png` });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => globalThis.axe.run());
        for (const v of violations)
          faults.push(`${screen}: ${v.impact} ${v.id} at ${v.nodes.map((n) => n.target).join(' | ')}`);
        await page.close();
      }
      await context.close();
    }
  }
}

/** In the page: goes up until everything is loaded, and says how far the list has moved under its reader at most. */
async function climb() {
  const list = document.querySelector('.messages');
  const talk = globalThis.fake.conversations.get('d-2');
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const rows = () => [...list.querySelectorAll('article')];
  let worst = 0;
  let most = 0;
  while (talk.getSnapshot().older || list.scrollTop > 0) {
    list.scrollTop -= 900;
    const frameOfList = list.getBoundingClientRect();
    const before = rows().find((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return bottom > frameOfList.top + 1 && top < frameOfList.bottom;
    });
    const [key, top] = [before?.dataset.key, before?.getBoundingClientRect().top];
    await frame();
    await frame();
    const after = rows().find((row) => row.dataset.key === key);
    if (after) worst = Math.max(worst, Math.abs(after.getBoundingClientRect().top - top));
    most = Math.max(most, rows().length);
  }
  return { worst, most, items: talk.getSnapshot().items.length };
}

async function scroll(browser, base) {
  const page = await browser.newPage({ viewport: sizes.desktop });
  await page.goto(`${base}#/c/d-2`);
  await page.getByText(/^10000: /).waitFor();
  const { worst, most, items } = await page.evaluate(climb);
  tell(`${items} messages, at most ${most} of them rendered; the list moved by ${worst.toFixed(2)} px at most`);
  if (items !== 10_000 || most > 100 || worst > 1) faults.push('the list does not hold what its reader looks at');
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () =>
    (await session.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value;
  const frames = 300;
  const before = await spent();
  await page.evaluate(async (count) => {
    for (let i = 0; i < count; i++) {
      document.querySelector('.messages').scrollTop += 200;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }, frames);
  tell(`${(((await spent()) - before) * 1000) / frames} ms of processor a frame that scrolls by 200 px`);
}

if (pictures) mkdirSync(pictures, { recursive: true });
const server = await createServer({
  root: fileURLToPath(new URL('..', import.meta.url)),
  logLevel: 'error',
  server: { port: 0, strictPort: false },
});
await server.listen();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: quiet });
try {
  const base = `${server.resolvedUrls.local[0]}stage/index.html`;
  await audit(browser, base);
  await scroll(browser, base);
} finally {
  await browser.close();
  await server.close();
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
tell(faults.length === 0 ? 'Every screen can be used by everybody.' : `${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);

import { expect, type Browser, type BrowserContext, type BrowserContextOptions, type Locator, type Page, test as base } from '@playwright/test';
import { Rest, tokenOf, webURL } from './world.js';

/** Somebody at a browser of their own. */
export class Person {
  readonly rest: Rest;

  constructor(
    readonly user: string,
    readonly page: Page,
  ) {
    this.rest = new Rest(user);
  }

  get context(): BrowserContext {
    return this.page.context();
  }

  /** Signs in at the issuer, as a person would: the page there stands in for an identity provider. */
  async signIn(): Promise<void> {
    await this.page.getByRole('button', { name: 'Continue with acme' }).click();
    await this.page.getByRole('link', { name: `Continue as ${this.user}` }).click();
    await this.arrived();
  }

  /** Signs in with a token, for users that the issuer's page does not offer. */
  async pasteToken(): Promise<void> {
    await this.page.getByRole('button', { name: 'Use a token' }).click();
    await this.page.getByRole('textbox', { name: 'Token' }).fill(tokenOf(this.user));
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await this.arrived();
  }

  async arrived(): Promise<void> {
    await expect(this.page.getByRole('navigation', { name: 'Chats' })).toBeVisible();
    await this.connected();
  }

  async connected(): Promise<void> {
    await expect(this.page.getByRole('status', { name: 'Connection' })).toBeHidden();
  }

  chat(title: string): Locator {
    return this.page.getByRole('navigation', { name: 'Chats' }).getByRole('link', { name: new RegExp(`^${escape(title)}(,|$)`) });
  }

  async open(title: string): Promise<void> {
    await this.chat(title).click();
    await expect(this.page.getByRole('main', { name: `Conversation with ${title}` })).toBeVisible();
  }

  async startDirect(other: string): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'New conversation' });
    await dialog.getByRole('radio', { name: 'Direct' }).check();
    await dialog.getByRole('textbox', { name: 'Person' }).fill(other);
    await dialog.getByRole('button', { name: 'Start' }).click();
    await expect(this.page.getByRole('main', { name: `Conversation with ${other}` })).toBeVisible();
  }

  async startGroup(title: string, members: string[]): Promise<void> {
    await this.page.getByRole('button', { name: 'New conversation' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'New conversation' });
    await dialog.getByRole('radio', { name: 'Group' }).check();
    await dialog.getByRole('textbox', { name: 'Group name' }).fill(title);
    await dialog.getByRole('textbox', { name: 'Members' }).fill(members.join(', '));
    await dialog.getByRole('button', { name: 'Start' }).click();
    await expect(this.page.getByRole('main', { name: `Conversation with ${title}` })).toBeVisible();
  }

  async say(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message', exact: true }).fill(text);
    await this.page.getByRole('button', { name: 'Send', exact: true }).click();
  }

  get log(): Locator {
    return this.page.getByRole('log', { name: 'Messages' });
  }

  message(text: string): Locator {
    return this.log.getByRole('article').filter({ hasText: text });
  }

  /** Waits until a message has a tick: Sent, Delivered or Read. */
  async ticked(text: string, tick: 'Sent' | 'Delivered' | 'Read' | RegExp): Promise<void> {
    await expect(this.message(text).getByRole('img', { name: tick })).toBeVisible();
  }

  async choose(text: string, item: string): Promise<void> {
    await this.message(text).hover();
    await this.message(text).getByRole('button', { name: 'Message actions' }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  /** What the screen shows of numbered messages, in its order. */
  async shown(mark: string): Promise<string[]> {
    const texts = await this.log.getByRole('article').allInnerTexts();
    return texts.flatMap((text) => text.match(new RegExp(`${escape(mark)} [a-z]+ \\d+`, 'g')) ?? []);
  }
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The id of the conversation that a page shows. */
export function shownConversation(page: Page): string {
  const id = /^#\/c\/(.+)$/.exec(new URL(page.url()).hash)?.[1];
  if (!id) throw new Error(`the page shows no conversation: ${page.url()}`);
  return decodeURIComponent(id);
}

interface Fixtures {
  /** Opens a browser of its own for somebody, on the sign-in page. Options may say where, and how it looks. */
  arrive: (user: string, options?: BrowserContextOptions & { url?: string }) => Promise<Person>;
  /** The same, signed in with a token. */
  enter: (user: string, options?: BrowserContextOptions & { url?: string }) => Promise<Person>;
}

/** What no page may do: break its policy, or fail. Every test ends with that. */
function watch(context: BrowserContext, faults: string[]): void {
  const name = (page: Page | null): string => page?.url() ?? 'a worker';
  context.on('console', (message) => {
    if (/content security policy|trusted ?types/i.test(message.text())) faults.push(`${name(message.page())}: ${message.text()}`);
  });
  context.on('weberror', (error) => faults.push(`${name(error.page())}: ${error.error().stack ?? error.error().message}`));
}

async function openFor(browser: Browser, user: string, faults: string[], opened: BrowserContext[], options: BrowserContextOptions & { url?: string }): Promise<Person> {
  const { url = webURL, ...rest } = options;
  const context = await browser.newContext(rest);
  opened.push(context);
  watch(context, faults);
  const page = await context.newPage();
  await page.goto(url);
  return new Person(user, page);
}

export const test = base.extend<Fixtures & { faults: string[]; opened: BrowserContext[] }>({
  faults: async ({}, use) => {
    const faults: string[] = [];
    await use(faults);
    expect(faults, 'what pages did that they must not').toEqual([]);
  },
  opened: async ({}, use) => {
    const opened: BrowserContext[] = [];
    await use(opened);
    for (const context of opened) await context.close();
  },
  arrive: async ({ browser, faults, opened }, use) => {
    await use((user, options = {}) => openFor(browser, user, faults, opened, options));
  },
  enter: async ({ arrive }, use) => {
    await use(async (user, options) => {
      const person = await arrive(user, options);
      await person.pasteToken();
      return person;
    });
  },
});

export { expect };

/** A name that no other run and no other test has. */
export function nameOf(user: string): string {
  return `${user}-${Math.random().toString(36).slice(2, 8)}`;
}

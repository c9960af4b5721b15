import { expect, nameOf, test } from './people.js';
import { Rest } from './world.js';

const total = 10_000;
const words = ['harbour', 'ferry', 'rowing', 'bread', 'window', 'letter', 'summer', 'market', 'bridge', 'garden', 'lamp', 'river', 'stone', 'music', 'paper', 'winter'];

/** Sentences that no two are alike of: the sample's detectors look for people who say one thing again and again. */
function sentence(n: number): string {
  const word = (k: number): string => words[(n * 7 + k * k * 5 + Math.floor(n / 16) * k) % words.length] ?? '';
  return `${n}: ${Array.from({ length: 3 + (n % 9) }, (_, k) => word(k)).join(' ')}`;
}

test('ten thousand messages scroll', async ({ enter }, about) => {
  // Most of it is making them, which is the server's work; where much else runs, that takes long.
  test.setTimeout(1_500_000);
  const mark = nameOf('all');
  // A user may ask 50 times a second: ten of them fill it sooner.
  const crew = Array.from({ length: 10 }, (_, i) => new Rest(`${mark}-${i}`));
  const reader = nameOf('alice');
  const first = crew[0];
  if (!first) throw new Error('nobody writes');
  const conversation = await first.group(mark, [reader, ...crew.slice(1).map((c) => c.user)]);
  let next = 1;
  const write = async (who: Rest): Promise<void> => {
    for (let n = next++; n <= total; n = next++) await who.say(conversation, sentence(n));
  };
  // What waits together is committed together.
  await Promise.all(crew.flatMap((who) => [who, who, who, who, who]).map(write));

  const alice = await enter(reader);
  await alice.open(mark);
  const newest = await first.newest(conversation);
  await expect(alice.message(newest)).toBeVisible();
  await alice.log.hover();

  // Frames while a wheel turns steadily: what a person feels. The page may not do more for ten thousand messages than for ten.
  await alice.page.evaluate(() => {
    const measured = { frames: [] as number[], most: 0, on: true };
    Object.assign(window, { measured });
    let last = performance.now();
    const tick = (now: number): void => {
      measured.frames.push(now - last);
      measured.most = Math.max(measured.most, document.querySelectorAll('[role=log] article, [role=log] [role=article]').length);
      last = now;
      if (measured.on) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  for (let i = 0; i < 150; i++) await alice.page.mouse.wheel(0, -400);
  const { frames, most } = await alice.page.evaluate(() => {
    const { measured } = window as unknown as { measured: { frames: number[]; most: number; on: boolean } };
    measured.on = false;
    return measured;
  });
  const sorted = frames.slice(1).sort((x, y) => x - y);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Infinity;
  const seen = `${sorted.length} frames: median ${at(0.5).toFixed(0)} ms, 95th percentile ${at(0.95).toFixed(0)} ms, longest ${at(1).toFixed(0)} ms; at most ${most} messages in the page`;
  about.annotations.push({ type: 'measured', description: seen });
  console.log(`      ${seen}`);
  // Two cores draw the page without a GPU and run its server, too: a frame of 60 a second is 17 ms where nothing else happens.
  expect(at(0.5), seen).toBeLessThan(50);
  expect(at(0.95), seen).toBeLessThan(250);
  expect(most, seen).toBeLessThan(300);

  // And it has a beginning.
  await expect
    .poll(
      async () => {
        await alice.log.evaluate((log) => {
          let at: Element | null = log;
          while (at && at.scrollHeight <= at.clientHeight) at = at.parentElement;
          const inner = at ?? log;
          inner.scrollTop = 0;
        });
        return alice.message(sentence(1)).count();
      },
      { timeout: 600_000, intervals: [50] },
    )
    .toBe(1);
  await alice.page.getByRole('button', { name: /Jump to latest|new messages/ }).click();
  await expect(alice.message(newest)).toBeVisible();
});

import { describe, expect, it } from 'vitest';
import { pieces } from '../src/conversation/links';

const hrefs = (body: string): (string | undefined)[] => pieces(body).flatMap((p) => (p.href ? [p.href] : []));

describe('links', () => {
  it.each([
    ['see https://example.com/a?b=c#d now', ['https://example.com/a?b=c#d']],
    ['http://example.com.', ['http://example.com/']],
    ['(https://example.com/wiki/A_(b))', ['https://example.com/wiki/A_(b)']],
    ['https://a.example https://b.example', ['https://a.example/', 'https://b.example/']],
    ['HTTPS://EXAMPLE.COM/x', ['https://example.com/x']],
  ])('are found in %s', (body, found) => expect(hrefs(body)).toEqual(found));

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'ftp://example.com',
    'xhttps://example.com',
    'https://bank.example.com@evil.example.com/',
    'https://',
    'https://user:pw@example.com',
  ])('are not made of %s', (body) => expect(hrefs(body)).toEqual([]));

  it('leave the text as it was', () => {
    for (const body of [
      'a https://example.com, b',
      'https://example.com',
      '',
      '<b>https://example.com</b>',
      'x\nhttps://e.example!\ny',
    ]) {
      expect(
        pieces(body)
          .map((p) => p.text)
          .join(''),
      ).toBe(body);
    }
  });

  it('end before characters that turn the direction of writing', () => {
    expect(hrefs('https://example.com/\u202egnp.exe')).toEqual(['https://example.com/']);
  });

  it('are found in time in what is made to be slow', () => {
    const began = performance.now();
    pieces(`https://e.example/${')'.repeat(16_000)}`);
    expect(performance.now() - began).toBeLessThan(500);
  });
});

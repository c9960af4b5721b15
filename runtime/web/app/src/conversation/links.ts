/** A piece of what somebody wrote: text, or text that leads somewhere. */
export type Piece = { text: string; href?: string };

// \p{C}: neither controls nor what turns the direction of writing.
const candidate = /\bhttps?:\/\/[^\s<>"'`\p{C}]+/giu;

/**
 * Cuts text where links are. Only http and https ever lead anywhere, and only to where the text says: what the URL parser
 * reads otherwise than a person (credentials before the host) stays text.
 */
export function pieces(body: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of body.matchAll(candidate)) {
    const text = trimmed(match[0]);
    const href = safe(text);
    if (!href) continue;
    if (match.index > end) found.push({ text: body.slice(end, match.index) });
    found.push({ text, href });
    end = match.index + text.length;
  }
  if (end < body.length) found.push({ text: body.slice(end) });
  return found;
}

const openers: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** A sentence's end is not the link's; a closing bracket is only where it was opened. */
function trimmed(link: string): string {
  const surplus: Record<string, number> = {};
  for (const character of link) {
    const opener = openers[character];
    if (opener) surplus[opener] = (surplus[opener] ?? 0) + 1;
    else if ('([{'.includes(character)) surplus[character] = (surplus[character] ?? 0) - 1;
  }
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1] as string;
    const opener = openers[last];
    if (opener && (surplus[opener] ?? 0) > 0) surplus[opener] = (surplus[opener] ?? 0) - 1;
    else if (!'.,;:!?…'.includes(last)) break;
  }
  return link.slice(0, end);
}

function safe(text: string): string | undefined {
  try {
    const url = new URL(text);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.hostname !== '' && url.username === '' && url.password === '' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

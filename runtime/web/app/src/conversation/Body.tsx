import type { VNode } from 'preact';
import { pieces } from './links';

/** What somebody wrote: text nodes, and links that they wrote out. */
export function Body({ text, find, tabIndex }: { text: string; find: string; tabIndex: number }): VNode {
  return (
    <p class="body" dir="auto">
      {pieces(text).map((piece) =>
        piece.href ? (
          <a href={piece.href} target="_blank" rel="noopener noreferrer" tabIndex={tabIndex}>
            {marked(piece.text, find)}
          </a>
        ) : (
          marked(piece.text, find)
        ),
      )}
    </p>
  );
}

/** Text with what was searched for marked. */
export function marked(text: string, find: string): (string | VNode)[] {
  if (!find) return [text];
  const parts: (string | VNode)[] = [];
  const low = text.toLocaleLowerCase();
  const needle = find.toLocaleLowerCase();
  if (low.length !== text.length) return [text];
  let end = 0;
  for (let at = low.indexOf(needle); at >= 0; at = low.indexOf(needle, end)) {
    if (at > end) parts.push(text.slice(end, at));
    end = at + needle.length;
    parts.push(<mark>{text.slice(at, end)}</mark>);
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

import type { VNode } from 'preact';

const hues = 8;

function hueOf(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % hues;
}

function initials(name: string): string {
  const words = name.split(/[\s._@-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => Array.from(word ?? '?')[0]?.toLocaleUpperCase()).join('');
}

interface Props {
  name: string;
  group?: boolean;
  online?: boolean;
  size?: 'small' | 'large';
}

/** A face for who has none: initials on a color of their own. */
export function Avatar({ name, group = false, online = false, size }: Props): VNode {
  return (
    <span class={`avatar hue-${hueOf(name)} ${group ? 'group' : ''} ${size ?? ''}`} aria-hidden="true">
      {initials(name)}
      {online && <span class="online-dot" />}
    </span>
  );
}

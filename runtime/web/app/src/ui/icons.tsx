import type { VNode } from 'preact';

/** 24 by 24, drawn with a line; they say nothing to screen readers, for what they are on has a name. */
const paths = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  compose: 'M12 20h9M16.5 3.5a2.1 2.1 0 013 3L7 19l-4 1 1-4z',
  search: 'M11 18a7 7 0 100-14 7 7 0 000 14zM20 20l-4-4',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 9a2 2 0 100-4 2 2 0 000 4zM8 19a2 2 0 100-4 2 2 0 000 4z',
  send: 'M12 19V5M6 11l6-6 6 6',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  checks: 'M2 12.5l4.5 4.5L15 8M11.5 16l1 1L22 7.5',
  clock: 'M12 20a8 8 0 100-16 8 8 0 000 16zM12 8v4l2.5 2',
  alert: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 8v5M12 16.5v.01',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  down: 'M12 5v14M6 13l6 6 6-6',
  up: 'M6 15l6-6 6 6',
  downwards: 'M6 9l6 6 6-6',
  people:
    'M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c0-3.5 3-6 6.500-6s6.500 2.500 6.500 6M16 4.500a3.500 3.500 0 010 6.500M18 14.500c2.200.800 3.500 2.800 3.500 5.500',
  info: 'M12 21a9 9 0 100-18 9 9 0 000 18zM12 11v5M12 7.500v.01',
  muted:
    'M6 10a6 6 0 019-5M18 9c0 4 1.500 6 2 6.500H8M4 4l16 16M10 19a2.200 2.200 0 004 0M5.800 12c-.300 2-1.300 3-1.800 3.500',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  edit: 'M16.5 4.500a2.100 2.100 0 013 3L8 19l-4 1 1-4z',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  flag: 'M6 21V4h11l-2 4 2 4H6',
  shield: 'M12 3l7 3v5c0 4.500-3 8-7 10-4-2-7-5.500-7-10V6z',
  retry: 'M19 12a7 7 0 11-2-5M19 4v4h-4',
  phone: 'M7 3h10v18H7zM11 18h2',
  device: 'M4 5h16v11H4zM9 20h6M12 16v4',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }): VNode {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** Two bubbles that overlap: the product's mark. */
export function Mark(): VNode {
  return (
    <svg class="mark" viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      <path class="mark-far" d="M27 8h5a12 12 0 010 24v7l-8-7h-3" />
      <path class="mark-near" d="M16 6h8a13 13 0 010 26h-5l-9 8v-9.500A13 13 0 0116 6z" />
    </svg>
  );
}

import type { ComponentChildren, VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface Props {
  label: string;
  /** What the menu belongs to: it opens beside it, and the focus goes back to it. */
  at: HTMLElement;
  onClose(): void;
  children: ComponentChildren;
}

/** A menu over everything, beside what it belongs to. Its children are buttons of role menuitem. */
export function Menu({ label, at, onClose, children }: Props): VNode {
  const element = useRef<HTMLDivElement>(null);
  const items = (): HTMLElement[] =>
    Array.from(element.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? []);

  useLayoutEffect(() => {
    const menu = element.current;
    if (!menu) return;
    menu.showPopover();
    const spot = at.getBoundingClientRect();
    const { width, height } = menu.getBoundingClientRect();
    const left = Math.min(Math.max(8, spot.right - width), innerWidth - width - 8);
    const below = spot.bottom + 4;
    menu.style.left = `${left}px`;
    menu.style.top = `${below + height > innerHeight - 8 ? Math.max(8, spot.top - height - 4) : below}px`;
    items()[0]?.focus();
    return () => at.isConnected && document.activeElement === document.body && at.focus();
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    const all = items();
    const here = all.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) all[(here + step + all.length) % all.length]?.focus();
    else if (event.key === 'Home') all[0]?.focus();
    else if (event.key === 'End') all.at(-1)?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={element}
      popover="auto"
      class="menu"
      role="menu"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onToggle={(event) => event.newState === 'closed' && onClose()}
    >
      {children}
    </div>
  );
}

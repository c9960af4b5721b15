import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { Icon } from './icons';

interface Notice {
  id: number;
  text: string;
}

const shown = signal<Notice[]>([]);
const most = 3;
const seconds = 10;
let last = 0;

/** Tells the person that something did not work: what, and what to do. */
export function notify(text: string): void {
  const notice = { id: ++last, text };
  shown.value = [...shown.peek().filter((n) => n.text !== text), notice].slice(-most);
  setTimeout(() => dismiss(notice.id), seconds * 1000);
}

function dismiss(id: number): void {
  shown.value = shown.peek().filter((n) => n.id !== id);
}

export function Notices(): VNode {
  return (
    <div class="notices" role="alert">
      {shown.value.map((notice) => (
        <div key={notice.id} class="notice">
          <Icon name="alert" />
          <span>{notice.text}</span>
          <button type="button" class="icon-button small" aria-label="Dismiss" onClick={() => dismiss(notice.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

const said = signal('');

/** Says something to those who listen to the page. */
export function announce(text: string): void {
  said.value = text;
}

export function Announcements(): VNode {
  return (
    <div class="unseen" role="status" aria-label="Announcements">
      {said.value}
    </div>
  );
}

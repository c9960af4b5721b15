import type { VNode } from 'preact';
import { go } from '../route';
import { Icon } from './icons';

/** The way back where one pane fills the screen. */
export function BackToChats(): VNode {
  return (
    <button type="button" class="icon-button only-phone" aria-label="Back to chats" onClick={() => go('#/')}>
      <Icon name="back" />
    </button>
  );
}

import type { Conversation, Message } from '@chatcluster/client';
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { attempt } from '../conversation/attempt';
import { Icon } from '../ui/icons';
import { finePointer } from '../ui/pointer';
import { draftOf, keepDraft } from './drafts';

interface Props {
  conversation: Conversation;
  maxBytes: number;
  /** The message that is being edited. */
  editing: Message | undefined;
  onEdited(): void;
  /** The person wants to edit what they said last. */
  onEditLast(): void;
  onSent(): void;
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

export function Composer({ conversation, maxBytes, editing, onEdited, onEditLast, onSent }: Props): VNode {
  const box = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => draftOf(conversation.id));

  useEffect(() => {
    setText(editing ? editing.body : draftOf(conversation.id));
    if (editing || finePointer()) box.current?.focus();
  }, [conversation.id, editing?.key]);
  useLayoutEffect(() => {
    const area = box.current;
    if (!area || CSS.supports?.('field-sizing', 'content')) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight}px`;
  }, [text]);

  const over = bytesOf(text) - maxBytes;
  const empty = text.trim() === '';
  const write = (said: string): void => {
    setText(said);
    if (editing) return;
    keepDraft(conversation.id, said);
    conversation.setTyping(said !== '');
  };
  const submit = (): void => {
    if (empty || over > 0) return;
    if (editing) {
      if (text === editing.body || attempt(() => conversation.edit(editing.seq, text))) onEdited();
    } else if (attempt(() => conversation.send(text))) {
      conversation.setTyping(false);
      keepDraft(conversation.id, '');
      setText('');
      onSent();
    }
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && editing) {
      event.preventDefault();
      event.stopPropagation();
      onEdited();
    } else if (event.key === 'ArrowUp' && text === '' && !editing) {
      event.preventDefault();
      onEditLast();
    }
  };

  return (
    <form
      class="composer"
      aria-label="Write a message"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {editing && (
        <div class="composer-editing">
          <Icon name="edit" />
          <span>Editing</span>
          <button type="button" class="icon-button small" aria-label="Cancel edit" onClick={onEdited}>
            <Icon name="close" />
          </button>
        </div>
      )}
      <div class="composer-line">
        <textarea
          ref={box}
          class="composer-text"
          rows={1}
          dir="auto"
          aria-label="Message"
          aria-invalid={over > 0}
          aria-describedby={over > 0 ? 'composer-over' : undefined}
          placeholder="Write a message"
          enterkeyhint="send"
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="submit"
          class="composer-send"
          aria-label={editing ? 'Save edit' : 'Send'}
          disabled={empty || over > 0}
        >
          <Icon name={editing ? 'check' : 'send'} />
        </button>
      </div>
      {over > 0 && (
        <p id="composer-over" class="error" role="alert">
          Too long by {over} {over === 1 ? 'byte' : 'bytes'}. Shorten it, or send it in two.
        </p>
      )}
    </form>
  );
}

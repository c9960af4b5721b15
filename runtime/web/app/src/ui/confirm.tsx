import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { Dialog } from './Dialog';

interface Question {
  title: string;
  text: string;
  verb: string;
  answer(yes: boolean): void;
}

const asked = signal<Question | undefined>(undefined);

/** Asks before something that cannot be undone. A question that another takes the place of is answered with no. */
export function confirmed(title: string, text: string, verb: string): Promise<boolean> {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    const answer = (yes: boolean): void => {
      asked.value = undefined;
      resolve(yes);
    };
    asked.value = { title, text, verb, answer };
  });
}

export function Confirmation(): VNode | null {
  const question = asked.value;
  if (!question) return null;
  return (
    <Dialog key={question.title} title={question.title} question onClose={() => question.answer(false)}>
      <p class="dialog-text">{question.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={() => question.answer(false)}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={() => question.answer(true)}>
          {question.verb}
        </button>
      </div>
    </Dialog>
  );
}

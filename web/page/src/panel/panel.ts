/** What every panel is: an input on one side, an answer on the other. */

import { el } from '../dom.js';

/** A panel on the page. */
export interface Panel {
  readonly root: HTMLElement;
  /** Called once it can be seen. */
  shown?(): void;
}

/** The two sides of a panel. */
export function sides(input: Node[], answer: Node[]): HTMLElement {
  return el(
    'div',
    { class: 'sides' },
    el('div', { class: 'side input' }, ...input),
    el('div', { class: 'side answer' }, ...answer),
  );
}

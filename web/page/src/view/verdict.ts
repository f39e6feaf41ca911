/** Whether something holds, in a line. */

import { el } from '../dom.js';

/** A line with a mark before it. */
export function verdict(good: boolean, ...text: (string | Node)[]): HTMLElement {
  return el('p', { class: good ? 'good' : 'bad' }, el('span', { 'aria-hidden': 'true' }, good ? '✓ ' : '✗ '), ...text);
}

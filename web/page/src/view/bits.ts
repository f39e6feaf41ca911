/** A binary32 by its 32 bits: sign, exponent, fraction. Equal numbers look equal to the last one. */

import { el } from '../dom.js';
import { bitsOf, decimal } from '../text.js';

/** The bits as cells. Where `beside` has another bit, the cell says so. */
export function bitRow(value: number, beside?: number): HTMLElement {
  const [bits, other] = [binary(value), beside === undefined ? undefined : binary(beside)];
  const row = el('span', {
    class: 'bits',
    role: 'img',
    'aria-label': `binary32 ${bitsOf(value)}, which is ${decimal(value)}`,
  });
  [...bits].forEach((bit, at) => {
    const part = at === 0 ? 'sign' : at < 9 ? 'exponent' : 'fraction';
    const differs = other !== undefined && other[at] !== bit ? ' differs' : '';
    row.append(el('i', { class: `${part}${bit === '1' ? ' one' : ''}${differs}` }));
  });
  return row;
}

function binary(value: number): string {
  return parseInt(bitsOf(value), 16).toString(2).padStart(32, '0');
}

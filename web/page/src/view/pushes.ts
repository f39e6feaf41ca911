/** Which fields pushed a score, and how far. */

import { el } from '../dom.js';
import { words } from '../text.js';

/** A field, and the score that would be there if it were as usual. */
export interface Push {
  name: string;
  unit: string | undefined;
  value: unknown;
  usual: unknown;
  score: number;
  without: number;
}

const MOST = 6;

/** A list of the fields that pushed most. Its place is kept while it changes. */
export class Pushes {
  readonly #list = el('ol', { class: 'pushes' });
  readonly #empty = el('p', { class: 'muted' });
  readonly root = el(
    'section',
    { class: 'push-frame' },
    el('h3', {}, 'What pushed it'),
    el('p', { class: 'muted' }, 'One field at a time back to its usual value; the score that would be there then.'),
    this.#list,
    this.#empty,
  );

  /** Shows them, the strongest first. */
  show(pushes: Push[]): void {
    const strength = ({ score, without }: Push) => logit(score) - logit(without);
    const ranked = pushes
      .filter(({ score, without }) => score !== without)
      .sort((a, b) => Math.abs(strength(b)) - Math.abs(strength(a)))
      .slice(0, MOST);
    const most = Math.max(1, ...ranked.map((push) => Math.abs(strength(push))));
    const rows = ranked.map((push) => {
      const by = strength(push);
      const fill = el('span', { class: `fill ${by > 0 ? 'up' : 'down'}` });
      fill.style.transform = `scaleX(${Math.abs(by) / most})`;
      const unit = push.unit ? ` ${push.unit}` : '';
      return el(
        'li',
        {},
        el('span', { class: 'name' }, push.name, el('small', {}, `${shown(push.value)}${unit}, usual ${shown(push.usual)}`)),
        el('span', { class: 'track', 'aria-hidden': 'true' }, fill),
        el('span', { class: 'share' }, `→ ${push.without.toFixed(3)}`),
      );
    });
    this.#list.replaceChildren(...rows);
    this.#empty.textContent = rows.length === 0 ? 'No single field moves the score.' : '';
  }

  /** Nothing is unusual. */
  none(): void {
    this.#list.replaceChildren();
    this.#empty.textContent = 'Every field is as usual.';
  }

  /** Shows nothing. */
  clear(): void {
    this.#list.replaceChildren();
    this.#empty.textContent = '';
  }
}

/** Scores near 0 and 1 are told apart by their odds. */
function logit(score: number): number {
  const inside = Math.min(Math.max(score, 1e-7), 1 - 1e-7);
  return Math.log(inside / (1 - inside));
}

function shown(value: unknown): string {
  if (value === undefined || value === '') {
    return 'none';
  }
  if (typeof value === 'boolean') {
    return value ? 'yes' : 'no';
  }
  const text = String(value);
  return /^\d{4}-\d\d-\d\dT/.test(text) ? text.slice(0, 16).replace('T', ' ') : words(text).toLowerCase();
}

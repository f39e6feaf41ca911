/** Probabilities as bars. The rows stay where they are while their values change. */

import { el } from '../dom.js';
import { percent } from '../text.js';

/** So many labels are shown in their own order; of more, the most likely ones. */
const IN_ORDER = 10;
const MOST = 6;

interface Row {
  root: HTMLElement;
  name: HTMLElement;
  fill: HTMLElement;
  share: HTMLElement;
}

/** The bars of a classification. */
export class Bars {
  readonly root = el('ol', { class: 'bars' });
  readonly #rows: Row[];

  constructor(private readonly labels: readonly string[]) {
    const count = labels.length <= IN_ORDER ? labels.length : MOST;
    this.#rows = Array.from({ length: count }, () => this.#row());
    this.clear();
  }

  /** Shows the probabilities, in the order of the labels. */
  show(shares: ArrayLike<number>): void {
    const ranked = this.labels.map((label, at) => ({ label, share: shares[at] ?? 0 }));
    const top = ranked.reduce((a, b) => (b.share > a.share ? b : a));
    const shown =
      this.labels.length <= IN_ORDER ? ranked : ranked.sort((a, b) => b.share - a.share);
    this.#rows.forEach(({ root, name, fill, share }, at) => {
      const it = shown[at]!;
      name.textContent = it.label;
      share.textContent = percent(it.share);
      fill.style.transform = `scaleX(${it.share})`;
      root.classList.toggle('most', it === top);
    });
  }

  /** Shows nothing yet. */
  clear(): void {
    this.#rows.forEach(({ root, name, fill, share }, at) => {
      name.textContent = this.labels.length <= IN_ORDER ? this.labels[at]! : '\u2013';
      share.textContent = '\u2013';
      fill.style.transform = 'scaleX(0)';
      root.classList.remove('most');
    });
  }

  #row(): Row {
    const [name, fill, share] = [
      el('span', { class: 'name' }),
      el('span', { class: 'fill' }),
      el('span', { class: 'share' }),
    ];
    const track = el('span', { class: 'track', 'aria-hidden': 'true' }, fill);
    const root = el('li', {}, name, track, share);
    this.root.append(root);
    return { root, name, fill, share };
  }
}

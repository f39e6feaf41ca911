/** A score between 0 and 1 on half a dial, with the thresholds at which the action changes. */

import { el, svg } from '../dom.js';
import { decimal } from '../text.js';

const RADIUS = 84;
const CENTRE = { x: 110, y: 104 };

/** The dial. */
export class Gauge {
  readonly root: HTMLElement;
  readonly #value = svg('path', { class: 'value', d: arc(0, 1), pathLength: 1 });
  readonly #number = el('output', { class: 'number' });
  readonly #action = el('span', { class: 'action' }, '\u00a0');

  constructor(title: string, thresholds: number[]) {
    const ticks = thresholds.flatMap((at) => {
      const [inner, outer, text] = [point(at, RADIUS - 13), point(at, RADIUS + 13), point(at, RADIUS + 22)];
      return [
        svg('line', { class: 'tick', x1: inner.x, y1: inner.y, x2: outer.x, y2: outer.y }),
        svg('text', { class: 'tick-text', x: text.x, y: text.y, 'text-anchor': at > 0.5 ? 'start' : 'end' }, String(at)),
      ];
    });
    const dial = svg(
      'svg',
      { viewBox: '0 0 220 116', 'aria-hidden': 'true' },
      svg('path', { class: 'ground', d: arc(0, 1) }),
      this.#value,
      ...ticks,
    );
    const caption = el('span', { class: 'caption' }, title);
    const reading = el('div', { class: 'reading' }, this.#number, caption);
    this.root = el('div', { class: 'gauge' }, dial, reading, this.#action);
    this.clear();
  }

  /** Points at nothing. */
  clear(): void {
    this.#value.style.strokeDasharray = '0 2';
    this.#number.textContent = '\u2013';
    this.root.classList.remove('alarming', 'decided');
  }

  /** Points at a score. `alarming` is an action that one of the rules asks for. */
  show(score: number, action: string | undefined, alarming: boolean): void {
    const share = Math.min(Math.max(score, 0), 1);
    this.#value.style.strokeDasharray = `${share} 2`;
    this.#number.textContent = score >= 0.001 || score === 0 ? score.toFixed(3) : decimal(score);
    this.#action.textContent = action ?? '\u00a0';
    this.root.classList.toggle('alarming', alarming);
    this.root.classList.toggle('decided', action !== undefined);
  }
}

function point(share: number, radius: number) {
  const angle = Math.PI * (1 - share);
  return { x: CENTRE.x + radius * Math.cos(angle), y: CENTRE.y - radius * Math.sin(angle) };
}

function arc(from: number, to: number): string {
  const [start, end] = [point(from, RADIUS), point(to, RADIUS)];
  return `M ${start.x} ${start.y} A ${RADIUS} ${RADIUS} 0 0 1 ${end.x} ${end.y}`;
}

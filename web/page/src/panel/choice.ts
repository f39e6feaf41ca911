/** Two ways to give the same kind of input. */

import { el } from '../dom.js';
import type { Panel } from './panel.js';

/** Shows one of several panels at a time. */
export class ChoicePanel implements Panel {
  readonly root = el('div', { class: 'choice' });
  readonly #panels: [string, Panel][];
  readonly #buttons: HTMLButtonElement[];

  constructor(panels: [string, Panel][]) {
    this.#panels = panels;
    this.#buttons = panels.map(([name], at) =>
      el('button', { type: 'button', onclick: () => this.#show(at) }, name),
    );
    const group = el('div', { class: 'segments', role: 'group', 'aria-label': 'Kind of input' });
    group.append(...this.#buttons);
    this.root.append(group, ...panels.map(([, panel]) => panel.root));
    this.#show(0);
  }

  shown(): void {
    this.#panels.forEach(([, panel]) => panel.shown?.());
  }

  #show(at: number): void {
    this.#panels.forEach(([, panel], index) => (panel.root.hidden = index !== at));
    this.#buttons.forEach((button, index) => button.setAttribute('aria-pressed', String(index === at)));
    this.#panels[at]![1].shown?.();
  }
}

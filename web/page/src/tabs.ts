/** Tabs, as the ARIA practices describe them: arrows move, the address remembers. */

import { el } from './dom.js';

/** One tab and what it shows. */
export interface Tab {
  id: string;
  title: string;
  root: HTMLElement;
  show(): Promise<unknown>;
}

/** A row of tabs over a place for their panels. */
export class Tabs {
  readonly #tabs: { tab: Tab; button: HTMLButtonElement; panel: HTMLElement }[];

  constructor(list: HTMLElement, place: HTMLElement, tabs: Tab[]) {
    this.#tabs = tabs.map((tab) => {
      const attributes = { type: 'button', role: 'tab', id: `tab-${tab.id}`, 'aria-controls': tab.id };
      const button = el('button', { ...attributes, onclick: () => this.#go(tab.id) }, tab.title);
      const panel = el('div', { role: 'tabpanel', id: tab.id, 'aria-labelledby': `tab-${tab.id}` }, tab.root);
      return { tab, button, panel };
    });
    list.replaceChildren(...this.#tabs.map(({ button }) => button));
    place.replaceChildren(...this.#tabs.map(({ panel }) => panel));
    list.addEventListener('keydown', (event) => this.#key(event));
    addEventListener('hashchange', () => this.#show(location.hash.slice(1)));
    this.#show(location.hash.slice(1));
  }

  #go(id: string): void {
    history.replaceState(null, '', `#${id}`);
    this.#show(id);
  }

  #show(id: string): void {
    const chosen = this.#tabs.find(({ tab }) => tab.id === id) ?? this.#tabs[0]!;
    for (const { button, panel, tab } of this.#tabs) {
      const isChosen = tab === chosen.tab;
      button.setAttribute('aria-selected', String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      panel.hidden = !isChosen;
    }
    void chosen.tab.show();
  }

  #key(event: KeyboardEvent): void {
    const at = this.#tabs.findIndex(({ button }) => button === document.activeElement);
    const last = this.#tabs.length - 1;
    const to = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (at >= 0 && to !== undefined) {
      event.preventDefault();
      const { tab, button } = this.#tabs[to]!;
      button.focus();
      this.#go(tab.id);
    }
  }
}

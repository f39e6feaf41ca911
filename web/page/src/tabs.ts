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
  readonly #list: HTMLElement;
  readonly #tabs: { tab: Tab; button: HTMLButtonElement; panel: HTMLElement }[];

  constructor(list: HTMLElement, place: HTMLElement, tabs: Tab[]) {
    this.#list = list;
    this.#tabs = tabs.map((tab) => {
      const attributes = { type: 'button', role: 'tab', id: `tab-${tab.id}`, 'aria-controls': tab.id };
      const button = el('button', { ...attributes, onclick: () => this.#go(tab.id) }, tab.title);
      const panel = el('div', { role: 'tabpanel', id: tab.id, 'aria-labelledby': `tab-${tab.id}` }, tab.root);
      return { tab, button, panel };
    });
    list.replaceChildren(...this.#tabs.map(({ button }) => button));
    place.replaceChildren(...this.#tabs.map(({ panel }) => panel));
    list.addEventListener('keydown', (event) => this.#key(event));
    // The page's own links lead to its sections: they leave the tabs as they are.
    addEventListener('hashchange', () => this.#named && this.#show(this.#named));
    this.#show(this.#named ?? this.#tabs[0]!.tab.id);
  }

  /** The tab that the address names, if it is one. */
  get #named(): string | undefined {
    const id = location.hash.slice(1);
    return this.#tabs.some(({ tab }) => tab.id === id) ? id : undefined;
  }

  #go(id: string): void {
    history.replaceState(null, '', `#${id}`);
    this.#show(id);
  }

  #show(id: string): void {
    const chosen = this.#tabs.find(({ tab }) => tab.id === id)!;
    for (const { button, panel, tab } of this.#tabs) {
      const isChosen = tab === chosen.tab;
      button.setAttribute('aria-selected', String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      panel.hidden = !isChosen;
    }
    this.#reveal(chosen.button);
    void chosen.tab.show();
  }

  /** On a narrow screen the row of tabs is longer than what can be seen of it. */
  #reveal(button: HTMLElement): void {
    const [row, it] = [this.#list.getBoundingClientRect(), button.getBoundingClientRect()];
    this.#list.scrollBy({ left: it.left + it.width / 2 - (row.left + row.width / 2), behavior: 'instant' });
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

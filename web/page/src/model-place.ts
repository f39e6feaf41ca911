/** The place of a bundled model: loads it when it is first looked at, and says how far that is. */

import type { Progress } from '../../package/dist/index.js';
import { el } from './dom.js';
import type { Engine } from './engine.js';
import { panelFor } from './panel/choose.js';
import type { Panel } from './panel/panel.js';
import type { Bundled } from './protocol.js';
import { Session } from './session.js';
import { size } from './text.js';
import { Notice } from './view/notice.js';

/** Empty until it is looked at. */
export class ModelPlace {
  readonly root: HTMLElement;
  #body: HTMLElement = el('div', { class: 'loading' });
  #opening: Promise<Session | undefined> | undefined;
  #panel: Panel | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly model: Bundled,
    hint: string,
  ) {
    this.root = el('div', {}, el('p', { class: 'hint' }, hint), this.#body);
  }

  /** Loads the model the first time; afterwards it is there. */
  async show(): Promise<Session | undefined> {
    this.#opening ??= this.#open();
    const session = await this.#opening;
    this.#panel?.shown?.();
    return session;
  }

  async #open(): Promise<Session | undefined> {
    const { name, base, files } = this.model;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const bar = el('progress', { max: total, value: 0, 'aria-label': `Loading ${name}` });
    const text = el('p', { class: 'muted', role: 'status' }, `Fetching ${name}`);
    this.#put(el('div', { class: 'loading' }, bar, text));
    const loaded = new Map<string, number>();
    const onProgress = (progress: Progress) => {
      loaded.set(progress.what, progress.loaded);
      bar.value = [...loaded.values()].reduce((a, b) => a + b, 0);
      text.textContent =
        bar.value < total ? `${size(bar.value)} of ${size(total)}` : 'Waiting for the component, then loading…';
    };
    try {
      const origin = { kind: 'bundled', base, files } as const;
      const session = await Session.open(this.engine, name, origin, this.model, onProgress);
      this.#panel = panelFor(session);
      this.#put(this.#panel.root);
      return session;
    } catch (error) {
      const notice = new Notice();
      notice.fail(error);
      const again = el('button', { type: 'button', onclick: () => void this.show() }, 'Try again');
      this.#put(el('div', { class: 'loading' }, notice.root, again));
      this.#opening = undefined;
      return undefined;
    }
  }

  /** A new element each time: one that grew would count as having moved. */
  #put(body: HTMLElement): void {
    this.#body.replaceWith(body);
    this.#body = body;
  }
}

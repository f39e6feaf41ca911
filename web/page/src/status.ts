/** How far the component is: the line under the headline. */

import type { Progress } from '../../package/dist/index.js';
import { el } from './dom.js';
import type { Site, Started } from './protocol.js';
import { short, size, time } from './text.js';

/** Fills a place of fixed size, so that nothing below it moves. */
export class Status {
  readonly #bar: HTMLProgressElement;
  readonly #text = el('p', { role: 'status' }, 'Fetching the component…');

  constructor(
    private readonly place: HTMLElement,
    private readonly site: Site,
  ) {
    this.#bar = el('progress', { max: site.component.size, value: 0, 'aria-label': 'Component' });
    place.replaceChildren(this.#bar, this.#text);
  }

  /** Bytes arrive. */
  progress({ what, loaded }: Progress): void {
    if (what !== 'component') {
      return;
    }
    this.#bar.value = loaded;
    const all = this.site.component.size;
    this.#text.textContent =
      loaded < all ? `${size(loaded)} of ${size(all)}, unpacked` : 'Compiling what is left…';
  }

  /** The component is there. */
  done({ digest, published, imports, download, compile, cached }: Started): void {
    const same = digest === published;
    this.place.classList.add(same ? 'ready' : 'failed');
    this.#bar.value = this.site.component.size;
    this.#text.replaceChildren(
      el('span', { class: 'mark', 'aria-hidden': 'true' }, same ? '✓' : '✗'),
      el('code', { title: digest }, short(digest)),
      el('span', {}, same ? 'as published' : 'not as published'),
      el('span', {}, `${imports.length} imports`),
      el('span', {}, `ready in ${time(download + compile)}${cached ? ', from the cache' : ''}`),
    );
  }

  /** It will not be there. */
  fail(message: string): void {
    this.place.classList.add('failed');
    this.#text.replaceChildren(el('span', { class: 'mark', 'aria-hidden': 'true' }, '✗'), el('span', {}, message));
  }
}

/** Makes the page work without a network: registers the service worker, and keeps every model on request. */

import { el } from './dom.js';
import type { Engine } from './engine.js';
import type { Site, Started } from './protocol.js';
import { Store } from './store.js';
import { size } from './text.js';

/** Says in `place` how far that is. */
export class Offline {
  readonly #text = el('span', { role: 'status' }, 'Preparing for offline use…');
  readonly #registered: Promise<boolean>;
  #keeping = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly site: Site,
    private readonly engine: Engine,
    started: Promise<Started>,
  ) {
    place.replaceChildren(this.#text);
    // The service worker fetches the page's files once more: not while the first answer is waited for.
    this.#registered = started.then(register, () => false);
    void this.#registered.then((is) => is && this.#offer());
    void this.keep();
  }

  /** Keeps what has been fetched. For after an answer: writing takes time from whatever else is done. */
  async keep(): Promise<void> {
    this.#keeping++;
    delete this.place.dataset['state'];
    const is = await this.#registered;
    await this.engine.call('keep', undefined).catch(() => {});
    this.#keeping--;
    if (is && this.#keeping === 0) {
      this.place.dataset['state'] = 'ready';
    }
    if (!is) {
      this.#text.textContent =
        'serviceWorker' in navigator ? 'Offline use could not be prepared.' : 'Without HTTPS, browsers keep nothing for offline use.';
    }
  }

  #offer(): void {
    const files = this.site.models.flatMap(({ base, files }) => files.map((file) => ({ ...file, url: `${base}/${file.path}` })));
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const button = el('button', { type: 'button', class: 'quiet' }, `Keep all models (${size(total)})`);
    button.addEventListener('click', async () => {
      button.disabled = true;
      try {
        const store = await Store.open();
        for (const { url } of files) {
          await (await store.open(new URL(url, document.baseURI))).arrayBuffer();
        }
        await store.keep();
        this.#text.textContent = 'Works offline, with every model.';
        button.remove();
      } catch {
        this.#text.textContent = 'Not every model could be fetched.';
        button.disabled = false;
      }
    });
    this.#text.textContent = 'Works offline, with the models that you opened.';
    this.place.append(button);
  }
}

async function register(): Promise<boolean> {
  try {
    await navigator.serviceWorker.register('service-worker.js');
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false;
  }
}

/** Makes the page work without a network: registers the service worker, and keeps every model on request. */

import { el } from './dom.js';
import type { Site, Started } from './protocol.js';
import { Store } from './store.js';
import { size } from './text.js';

/** Says in `place` how far that is. */
export async function keepOffline(
  place: HTMLElement,
  site: Site,
  started: Promise<Started>,
): Promise<void> {
  if (!('serviceWorker' in navigator)) {
    place.textContent = 'Without HTTPS, browsers keep nothing for offline use.';
    return;
  }
  try {
    await navigator.serviceWorker.register('service-worker.js');
    await Promise.all([navigator.serviceWorker.ready, started]);
  } catch {
    place.textContent = 'Offline use could not be prepared.';
    return;
  }
  const total = site.models.flatMap(({ files }) => files).reduce((sum, file) => sum + file.size, 0);
  const text = el('span', { role: 'status' }, 'Works offline, with the models that you opened.');
  const button = el('button', { type: 'button', class: 'quiet' }, `Keep all models (${size(total)})`);
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const store = await Store.open();
      for (const { base, files } of site.models) {
        for (const { path } of files) {
          await (await store.open(new URL(`${base}/${path}`, document.baseURI))).arrayBuffer();
        }
      }
      text.textContent = 'Works offline, with every model.';
      button.remove();
    } catch {
      text.textContent = 'Not every model could be fetched.';
      button.disabled = false;
    }
  });
  place.dataset['state'] = 'ready';
  place.replaceChildren(text, button);
}

/** A place to drop files on, or to press so that the browser asks for them. */

import { el } from '../dom.js';

/** A finger drops nothing. */
const TOUCH = matchMedia('(pointer: coarse)').matches;

/** `Drop a picture here`, or for a finger `Choose a picture`; below it what else is to know. */
export function invitation(what: string, dropped: string, touched: string): HTMLElement {
  return el(
    'p',
    { class: 'invitation' },
    el('strong', {}, TOUCH ? `Choose ${what}` : `Drop ${what} here`),
    el('span', {}, TOUCH ? touched : dropped),
  );
}

/** Lets files be dropped on `zone`; a press there is as one on the button that chooses. */
export function dropZone(zone: HTMLElement, taken: (transfer: DataTransfer) => void, choose: () => void): void {
  const over = (is: boolean) => zone.classList.toggle('over', is);
  zone.addEventListener('click', choose);
  zone.addEventListener('dragover', (event) => {
    event.preventDefault();
    over(true);
  });
  zone.addEventListener('dragleave', () => over(false));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    event.stopPropagation();
    over(false);
    if (event.dataTransfer) {
      taken(event.dataTransfer);
    }
  });
}

/** The picture as the model sees it. */

import { el } from '../dom.js';
import type { Seen } from '../protocol.js';

/** A small picture, shown large, pixel by pixel. */
export class SeenPicture {
  readonly #canvas = el('canvas', { width: 1, height: 1, 'aria-hidden': 'true' });
  readonly #caption = el('figcaption', {}, 'What the model sees');
  readonly root = el('figure', { class: 'seen' }, this.#canvas, this.#caption);

  /** Shows the pixels that the graph was given. */
  show(seen: Seen | undefined): void {
    if (seen?.kind !== 'pixels') {
      this.clear();
      return;
    }
    const { width, height, rgba } = seen;
    Object.assign(this.#canvas, { width, height });
    const pixels = new ImageData(new Uint8ClampedArray(rgba.buffer), width, height);
    this.#canvas.getContext('2d')!.putImageData(pixels, 0, 0);
    this.#caption.textContent = `What the model sees: ${width} × ${height}`;
  }

  /** Shows an empty picture. */
  clear(): void {
    Object.assign(this.#canvas, { width: 1, height: 1 });
    this.#caption.textContent = 'What the model sees';
  }
}

/** The picture as the model sees it. */

import { el } from '../dom.js';
import type { Seen } from '../protocol.js';
import { list } from '../text.js';

/** Small pictures, shown large, pixel by pixel: one, or one for each way in which members prepare it. */
export class SeenPicture {
  readonly root = el('div', { class: 'seen-all' });

  constructor() {
    this.root.append(figure(el('canvas', { width: 1, height: 1, 'aria-hidden': 'true' }), what([])));
  }

  /** Shows the pixels that the graphs were given. */
  show(seen: Seen[]): void {
    const pictures = seen.flatMap((it) => (it.kind === 'pixels' ? [it] : []));
    if (pictures.length === 0) {
      this.clear();
      return;
    }
    const figures = pictures.map(({ by, width, height, rgba }) => {
      const canvas = el('canvas', { width, height, 'aria-hidden': 'true' });
      const pixels = new ImageData(new Uint8ClampedArray(rgba.buffer), width, height);
      canvas.getContext('2d')!.putImageData(pixels, 0, 0);
      return figure(canvas, `${what(by)}: ${width} × ${height}`);
    });
    this.root.replaceChildren(...figures);
  }

  /** Empties the pictures. They keep their places. */
  clear(): void {
    this.root.querySelectorAll('canvas').forEach((canvas) => Object.assign(canvas, { width: 1, height: 1 }));
  }
}

function figure(canvas: HTMLCanvasElement, caption: string): HTMLElement {
  return el('figure', { class: 'seen' }, canvas, el('figcaption', {}, caption));
}

function what(by: string[]): string {
  return by.length === 0 ? 'What the model sees' : `What ${list(by)} ${by.length === 1 ? 'sees' : 'see'}`;
}

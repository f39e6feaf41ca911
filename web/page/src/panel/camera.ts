/** The camera: a live picture, and a button that keeps one frame of it. */

import { el } from '../dom.js';

type Png = (take: { width: number; height: number; rgba: Uint8Array }) => Promise<Uint8Array<ArrayBuffer>>;

/** A camera that stays dark until somebody asks for it. */
export class Camera {
  readonly #video = el('video', { playsinline: true, muted: true, 'aria-label': 'Camera' });
  readonly #shoot = el('button', { type: 'button', class: 'primary', onclick: () => void this.#keep() }, 'Take it');
  readonly root = el('div', { class: 'camera', hidden: true }, this.#video, this.#shoot);
  readonly button = el('button', { type: 'button', onclick: () => void this.#toggle() }, 'Camera');
  #stream: MediaStream | undefined;

  constructor(
    private readonly take: (bytes: Uint8Array<ArrayBuffer>, picture: Blob) => void,
    private readonly png: Png,
    private readonly fail: (error: unknown) => void,
  ) {
    // There is none where the page is not secure.
    this.button.hidden = !navigator.mediaDevices?.getUserMedia;
  }

  async #toggle(): Promise<void> {
    if (this.#stream) {
      this.#stop();
      return;
    }
    try {
      const video = { facingMode: 'environment', width: { ideal: 640 } };
      this.#stream = await navigator.mediaDevices.getUserMedia({ video });
      this.#video.srcObject = this.#stream;
      this.root.hidden = false;
      this.button.textContent = 'Stop';
      await this.#video.play();
    } catch {
      this.#stop();
      this.fail(new Error('there is no camera that this page may use'));
    }
  }

  async #keep(): Promise<void> {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (width === 0) {
      return;
    }
    const canvas = new OffscreenCanvas(width, height).getContext('2d')!;
    canvas.drawImage(this.#video, 0, 0);
    const rgba = new Uint8Array(canvas.getImageData(0, 0, width, height).data);
    this.#stop();
    try {
      const bytes = await this.png({ width, height, rgba });
      this.take(bytes, new Blob([bytes], { type: 'image/png' }));
    } catch (error) {
      this.fail(error);
    }
  }

  #stop(): void {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = undefined;
    this.root.hidden = true;
    this.button.textContent = 'Camera';
  }
}

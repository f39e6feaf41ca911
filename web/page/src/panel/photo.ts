/** A picture: dropped, pasted, chosen, from the camera, or one of the samples. */

import { el } from '../dom.js';
import { probabilities } from '../manifest.js';
import type { Session } from '../session.js';
import { size, words } from '../text.js';
import { Bars } from '../view/bars.js';
import { Notice } from '../view/notice.js';
import { Opinions } from '../view/opinions.js';
import { said } from '../view/said.js';
import { SeenPicture } from '../view/seen.js';
import { dropZone, invitation } from '../view/zone.js';
import { Camera } from './camera.js';
import { sides, type Panel } from './panel.js';

/** The format's limit of an encoded picture, in bytes. */
const LARGEST = 32 << 20;
/** Pictures up to this width are shown by their pixels. */
const SMALL = 96;
/** What the component decodes by itself. */
const KNOWN = ['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/bmp'];

/** Takes a picture, and shows what is in it. */
export class PhotoPanel implements Panel {
  readonly root: HTMLElement;
  readonly #file = el('input', {
    type: 'file',
    accept: 'image/*',
    class: 'visually-hidden',
    tabindex: -1,
    'aria-label': 'Picture file',
    onchange: () => void this.#chosen(this.#file.files),
  });
  readonly #picture = el('img', {
    alt: 'The picture that was chosen',
    hidden: true,
    // Of a small picture every pixel is shown: blurred, it would look like a fault.
    onload: () => this.#picture.classList.toggle('small', this.#picture.naturalWidth <= SMALL),
  });
  readonly #invitation = invitation('a picture', 'or paste one, or choose a file', 'or take one with the camera');
  readonly #zone = el('div', { class: 'zone' }, this.#picture, this.#invitation);
  readonly #verdict = el('p', { class: 'verdict', role: 'status' }, 'No picture yet');
  #begun = false;
  readonly #bars: Bars;
  readonly #opinions: Opinions;
  readonly #seen = new SeenPicture();
  readonly #notice = new Notice();
  readonly #rest = el('pre', { class: 'json', hidden: true, tabindex: 0, 'aria-label': 'Answer' });

  constructor(private readonly session: Session) {
    this.#bars = new Bars(session.manifest.output.labels ?? []);
    this.#opinions = new Opinions(session.manifest);
    const camera = new Camera(
      (bytes, picture) => this.#show(bytes, picture),
      (take) => session.engine.call('png', take),
      (error) => this.#notice.fail(error),
    );
    const choose = el('button', { type: 'button', onclick: () => this.#file.click() }, 'Choose a file');
    const tools = el('div', { class: 'tools' }, choose, camera.button, this.#file);
    this.root = sides(
      [this.#zone, camera.root, tools, this.#samples()],
      [this.#verdict, this.#bars.root, this.#rest, this.#opinions.root, this.#seen.root, this.#notice.root],
    );
    this.#bars.root.hidden = session.manifest.task !== 'image-classification';
    this.#listen();
  }

  /** Begins with the first sample, so that there is something to look at. */
  shown(): void {
    const [first] = this.session.examples.flatMap((it) => ('picture' in it ? [it.picture] : []));
    if (first && !this.#begun && this.root.checkVisibility()) {
      void this.#sample(first);
    }
  }

  async #sample(picture: string | Blob): Promise<void> {
    try {
      await this.#take(picture instanceof Blob ? picture : await (await fetch(picture)).blob());
    } catch {
      this.#refuse(new Error('the sample could not be fetched; choose a picture of your own'));
    }
  }

  #listen(): void {
    dropZone(this.#zone, ({ files }) => void this.#chosen(files), () => this.#file.click());
    document.addEventListener('paste', (event) => {
      const files = event.clipboardData?.files;
      if (files?.length && this.root.checkVisibility()) {
        event.preventDefault();
        void this.#chosen(files);
      }
    });
  }

  #samples(): HTMLElement {
    const samples = this.session.examples.filter((it) => 'picture' in it);
    const buttons = samples.map(({ title, picture }) => {
      const src = picture instanceof Blob ? URL.createObjectURL(picture) : picture;
      const image = el('img', { src, alt: '', width: 56, height: 56, loading: 'lazy' });
      const take = () => void this.#sample(picture);
      const label = `Sample: ${words(title)}`;
      return el('button', { type: 'button', 'aria-label': label, title: words(title), onclick: take }, image);
    });
    return el('div', { class: 'samples' }, ...buttons);
  }

  async #chosen(files: FileList | null | undefined): Promise<void> {
    const [file] = files ?? [];
    this.#file.value = '';
    if (file) {
      await this.#take(file);
    }
  }

  async #take(file: Blob): Promise<void> {
    this.#begun = true;
    if (file.size > LARGEST) {
      this.#refuse(new Error(`the picture has ${size(file.size)}, at most ${size(LARGEST)} are accepted`));
      return;
    }
    const bytes = new Uint8Array(await file.arrayBuffer());
    this.#show(bytes, file);
  }

  #show(bytes: Uint8Array<ArrayBuffer>, picture: Blob): void {
    URL.revokeObjectURL(this.#picture.src);
    this.#picture.src = URL.createObjectURL(picture);
    this.#picture.hidden = false;
    this.#invitation.hidden = true;
    this.session.latest(() => this.#ask(bytes, picture));
  }

  async #ask(bytes: Uint8Array<ArrayBuffer>, picture: Blob): Promise<void> {
    try {
      await this.#answer(bytes);
    } catch (error) {
      // The browser may know a format that the component does not: then it decodes.
      const decoded = KNOWN.includes(picture.type) ? undefined : await this.#decoded(picture);
      if (!decoded) {
        this.#refuse(error);
        return;
      }
      try {
        await this.#answer(decoded);
        this.#notice.say('your browser decoded this picture; the component took it from there as a PNG');
      } catch (error) {
        this.#refuse(error);
      }
    }
  }

  async #answer(bytes: Uint8Array): Promise<void> {
    const { prediction, seen } = await this.session.predict({ kind: 'image', bytes }, true);
    const shares = probabilities(this.session.manifest, prediction);
    if (shares) {
      this.#bars.show(shares);
      this.#verdict.replaceChildren(...said(this.session.manifest, prediction, shares));
    } else {
      this.#rest.hidden = false;
      this.#rest.textContent = JSON.stringify(JSON.parse(prediction.json), null, 2);
      this.#verdict.textContent = 'Answered';
    }
    this.#opinions.show(prediction);
    this.#seen.show(seen);
    this.#notice.warn(prediction.warnings);
  }

  async #decoded(picture: Blob): Promise<Uint8Array | undefined> {
    const bitmap = await createImageBitmap(picture).catch(() => undefined);
    if (!bitmap) {
      return undefined;
    }
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height).getContext('2d')!;
    canvas.drawImage(bitmap, 0, 0);
    const rgba = new Uint8Array(canvas.getImageData(0, 0, width, height).data);
    return this.session.engine.call('png', { width, height, rgba });
  }

  #refuse(error: unknown): void {
    this.#bars.clear();
    this.#opinions.clear();
    this.#seen.clear();
    this.#picture.hidden = true;
    this.#invitation.hidden = false;
    this.#verdict.textContent = 'No answer';
    this.#notice.fail(error);
  }
}

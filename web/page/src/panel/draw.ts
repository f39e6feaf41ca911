/** A sheet of paper for one drawing. The strokes become a picture in Rust, the same in every browser. */

import { el } from '../dom.js';
import { probabilities } from '../manifest.js';
import type { Session } from '../session.js';
import { Bars } from '../view/bars.js';
import { Notice } from '../view/notice.js';
import { Opinions } from '../view/opinions.js';
import { said } from '../view/said.js';
import { SeenPicture } from '../view/seen.js';
import { sides, type Panel } from './panel.js';

/** The paper's edge and the pen's width, in pixels of the picture. */
const SIZE = 280;
const PEN = 18;

type Point = [x: number, y: number];

/** Draws, and asks at every stroke. */
export class DrawPanel implements Panel {
  readonly root: HTMLElement;
  readonly #canvas = el('canvas', {
    class: 'paper',
    width: SIZE * 2,
    height: SIZE * 2,
    role: 'img',
    'aria-label': 'Paper to draw on with mouse, finger or pen',
  });
  readonly #hint = el('p', { class: 'paper-hint', 'aria-hidden': 'true' }, 'Draw here');
  readonly #undo = el('button', { type: 'button', onclick: () => this.#drop(1) }, 'Undo');
  readonly #clear = el('button', { type: 'button', onclick: () => this.#drop(Infinity) }, 'Clear');
  readonly #verdict = el('p', { class: 'verdict', role: 'status' }, 'Nothing drawn yet');
  readonly #bars: Bars;
  readonly #opinions: Opinions;
  readonly #seen = new SeenPicture();
  readonly #notice = new Notice();
  #strokes: Point[][] = [];
  #pointer: number | undefined;

  constructor(private readonly session: Session) {
    this.#bars = new Bars(session.manifest.output.labels ?? []);
    this.#opinions = new Opinions(session.manifest);
    const tools = el('div', { class: 'tools' }, this.#undo, this.#clear);
    const paper = el('div', { class: 'paper-frame' }, this.#canvas, this.#hint);
    this.root = sides(
      [paper, tools],
      [this.#verdict, this.#bars.root, this.#opinions.root, this.#seen.root, this.#notice.root],
    );
    this.#canvas.addEventListener('pointerdown', (event) => this.#begin(event));
    this.#canvas.addEventListener('pointermove', (event) => this.#go(event));
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.#canvas.addEventListener(end, (event) => this.#end(event));
    }
    // A fast stroke would otherwise count as a fling, and the tap after it as stopping the fling.
    this.#canvas.addEventListener('touchstart', (event) => event.preventDefault());
    this.#changed();
  }

  #begin(event: PointerEvent): void {
    if (event.button !== 0 || this.#pointer !== undefined) {
      return;
    }
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#strokes.push([this.#at(event)]);
    this.#changed();
  }

  #go(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) {
      return;
    }
    // A fast pen is somewhere between two frames, too.
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length > 0 ? events : [event]).map((it) => this.#at(it));
    this.#strokes.at(-1)!.push(...points);
    this.#changed();
  }

  #end(event: PointerEvent): void {
    if (event.pointerId === this.#pointer) {
      this.#pointer = undefined;
    }
  }

  #drop(count: number): void {
    this.#strokes = this.#strokes.slice(0, Math.max(0, this.#strokes.length - count));
    this.#changed();
  }

  #at({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) / width) * SIZE, ((clientY - top) / height) * SIZE];
  }

  #changed(): void {
    this.#show();
    const isEmpty = this.#strokes.length === 0;
    this.#undo.disabled = this.#clear.disabled = isEmpty;
    this.#hint.hidden = !isEmpty;
    this.session.latest(() => this.#ask());
  }

  async #ask(): Promise<void> {
    const strokes = this.#strokes;
    if (strokes.length === 0) {
      this.#bars.clear();
      this.#opinions.clear();
      this.#seen.clear();
      this.#notice.clear();
      this.#verdict.textContent = 'Nothing drawn yet';
      return;
    }
    try {
      const take = {
        size: SIZE,
        pen: PEN,
        points: Float32Array.from(strokes.flat(2)),
        lengths: Uint32Array.from(strokes, (stroke) => stroke.length),
      };
      const bytes = await this.session.engine.call('draw', take);
      const { prediction, seen } = await this.session.predict({ kind: 'image', bytes }, true);
      const shares = probabilities(this.session.manifest, prediction);
      if (shares) {
        this.#bars.show(shares);
        this.#verdict.replaceChildren(...said(this.session.manifest, prediction, shares));
      }
      this.#opinions.show(prediction);
      this.#seen.show(seen);
      this.#notice.warn(prediction.warnings);
    } catch (error) {
      this.#bars.clear();
      this.#opinions.clear();
      this.#seen.clear();
      this.#verdict.textContent = 'No answer';
      this.#notice.fail(error);
    }
  }

  /** What the eye sees while drawing; the model's picture is made of the same points. */
  #show(): void {
    const paper = this.#canvas.getContext('2d')!;
    paper.setTransform(2, 0, 0, 2, 0, 0);
    paper.clearRect(0, 0, SIZE, SIZE);
    Object.assign(paper, { lineWidth: PEN, lineCap: 'round', lineJoin: 'round' });
    paper.strokeStyle = getComputedStyle(this.#canvas).color;
    for (const stroke of this.#strokes) {
      paper.beginPath();
      paper.moveTo(...stroke[0]!);
      stroke.forEach((point) => paper.lineTo(...point));
      paper.stroke();
    }
  }
}

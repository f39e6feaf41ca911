/** A bare graph: its own inputs by a form, its own outputs as they are. */

import { CallError } from '../engine.js';
import { el } from '../dom.js';
import type { Session } from '../session.js';
import { time } from '../text.js';
import { Notice } from '../view/notice.js';
import { TensorOutputs } from '../view/tensor-outputs.js';
import { sides, type Panel } from './panel.js';
import { TensorInput } from './tensor-input.js';

/** A model that answers within this many milliseconds is asked at every change. */
const LIVE = 150;
/** The largest extent that a form takes. */
const LARGEST = 1_000_000;

/** Takes values for each input of the graph. */
export class TensorsPanel implements Panel {
  readonly root: HTMLElement;
  readonly #inputs: TensorInput[];
  readonly #extents = new Map<string, HTMLInputElement>();
  readonly #run = el('button', { type: 'button', class: 'primary', onclick: () => this.#go() }, 'Run');
  readonly #verdict = el('p', { class: 'verdict', role: 'status' }, 'Not run yet');
  readonly #outputs: TensorOutputs;
  readonly #notice = new Notice();
  #isQuick = false;
  #asked = false;

  constructor(private readonly session: Session) {
    const { inputs, outputs } = session.opened.description;
    const changed = () => this.#isQuick && this.#go();
    this.#inputs = inputs.map((tensor) => new TensorInput(tensor, session.key, changed));
    this.#outputs = new TensorOutputs(outputs);
    const names = [...new Set(this.#inputs.flatMap((input) => input.names))];
    const extents = names.map((name) => this.#extent(name, changed));
    this.root = sides(
      [
        ...(extents.length > 0 ? [el('div', { class: 'fields extents' }, ...extents)] : []),
        ...this.#inputs.map((input) => input.root),
        ...(inputs.length === 0 ? [el('p', { class: 'muted' }, 'The graph takes no input.')] : []),
        el('div', { class: 'tools' }, this.#run),
      ],
      [this.#verdict, this.#notice.root, this.#outputs.root],
    );
    this.#resize();
  }

  shown(): void {
    if (!this.#asked) {
      this.#go();
    }
  }

  #extent(name: string, changed: () => void): HTMLElement {
    const id = `${this.session.key}-extent-${name}`;
    const control = el('input', { id, type: 'number', min: 0, max: LARGEST, step: 1, value: usual(name), inputmode: 'numeric' });
    control.addEventListener('input', () => {
      this.#resize();
      changed();
    });
    this.#extents.set(name, control);
    return el('div', { class: 'field' }, el('label', { for: id }, `Extent ${name}`), control);
  }

  #resize(): void {
    const extent = (name: string) => {
      const value = Math.trunc(Number(this.#extents.get(name)?.value));
      return Number.isFinite(value) ? Math.min(Math.max(value, 0), LARGEST) : 1;
    };
    this.#inputs.forEach((input) => input.resize(extent));
  }

  #go(): void {
    this.session.latest(() => this.#ask());
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    this.#inputs.forEach((input) => (input.faulty = false));
    this.#notice.clear();
    this.#verdict.textContent = 'Running…';
    try {
      const parts = this.#inputs.map((input) => `${JSON.stringify(input.tensor.name)}:${input.json}`);
      const { prediction, milliseconds } = await this.session.predict({ kind: 'json', text: `{${parts.join(',')}}` });
      this.#isQuick = milliseconds < LIVE;
      this.#verdict.replaceChildren(el('strong', {}, 'Ran'), ` in ${time(milliseconds)}`);
      this.#outputs.show(prediction);
      this.#notice.warn(prediction.warnings);
    } catch (error) {
      const field = error instanceof CallError ? error.failure.field : undefined;
      const faulty = this.#inputs.find(({ tensor }) => tensor.name === field);
      if (faulty) {
        faulty.faulty = true;
      }
      this.#verdict.textContent = 'No answer';
      this.#outputs.clear();
      this.#notice.fail(error);
    }
  }
}

/** An extent to begin with, guessed from its name. */
function usual(name: string): number {
  if (/seq|len|tok|time/i.test(name)) {
    return 8;
  }
  return /height|width|^[hw]$/i.test(name) ? 64 : 1;
}

/** One input of a bare graph: its values, made or one's own. */

import type { TensorType } from '../../../package/dist/index.js';
import { el } from '../dom.js';
import { count, made, MOST_ELEMENTS, shaped, sortOf, typed, type Fill, type Sort } from '../tensor.js';

/** So many values are shown to be changed; of more, only how they are made. */
const SHOWN = 512;

const FILLS: Record<Sort, [Fill, string][]> = {
  float: [['noise', 'Noise'], ['zeros', 'Zeros'], ['ones', 'Ones'], ['ramp', 'A ramp from 0 to 1']],
  integer: [['ones', 'Ones'], ['zeros', 'Zeros'], ['ramp', 'Counting up'], ['noise', 'Zeros and ones, mixed']],
  bool: [['ones', 'True'], ['zeros', 'False'], ['noise', 'Mixed']],
  string: [['zeros', 'Empty texts']],
};

/** Values for one input. */
export class TensorInput {
  readonly root: HTMLElement;
  readonly #sort: Sort;
  readonly #fill: HTMLSelectElement;
  readonly #text: HTMLTextAreaElement;
  readonly #summary = el('p', { class: 'muted' });
  #shape: number[] = [];

  constructor(
    readonly tensor: TensorType,
    prefix: string,
    changed: () => void,
  ) {
    this.#sort = sortOf(tensor.elementType);
    const id = `${prefix}-${tensor.name}`;
    const options = FILLS[this.#sort].map(([value, title]) => el('option', { value }, title));
    options.push(el('option', { value: 'own' }, 'My own values'));
    this.#fill = el('select', { 'aria-label': `${tensor.name}: values`, onchange: () => this.#refill(changed) }, ...options);
    this.#text = el('textarea', {
      id,
      rows: 3,
      spellcheck: 'false',
      autocomplete: 'off',
      class: 'values',
      'aria-describedby': `${id}-type`,
      oninput: () => {
        this.#fill.value = 'own';
        changed();
      },
    });
    this.root = el(
      'div',
      { class: 'field tensor' },
      el('div', { class: 'tensor-head' }, el('label', { for: id }, tensor.name), el('code', { id: `${id}-type` }, typed(tensor))),
      this.#fill,
      this.#text,
      this.#summary,
    );
  }

  /** The declared extents that are names. */
  get names(): string[] {
    return this.tensor.shape.filter((extent) => !/^\d+$/.test(extent));
  }

  /** Takes the extents that the names have from now on. */
  resize(extents: (name: string) => number): void {
    this.#shape = this.tensor.shape.map((extent) => (/^\d+$/.test(extent) ? Number(extent) : extents(extent)));
    this.#show();
  }

  /**
   * The JSON of the values.
   *
   * Throws what is wrong with one's own values, as far as that is seen without the model.
   */
  get json(): string {
    const total = count(this.#shape);
    if (total > MOST_ELEMENTS) {
      const [found, most] = [total, MOST_ELEMENTS].map((it) => it.toLocaleString('en'));
      throw new Error(`${this.tensor.name}: ${found} values; this form makes at most ${most}`);
    }
    if (this.#fill.value !== 'own') {
      return made(this.#fill.value as Fill, this.#sort, this.#shape);
    }
    const text = this.#text.value.trim();
    try {
      if (text.startsWith('[') || text.startsWith('{') || this.#shape.length === 0) {
        JSON.parse(text);
        return text;
      }
      return shaped(text, this.#shape, this.#sort);
    } catch (error) {
      const why = error instanceof SyntaxError ? `not JSON (${error.message})` : (error as Error).message;
      throw new Error(`${this.tensor.name}: ${why}`);
    }
  }

  /** Marks the input that the component found at fault. */
  set faulty(is: boolean) {
    this.root.classList.toggle('faulty', is);
    this.#text.setAttribute('aria-invalid', String(is));
  }

  #refill(changed: () => void): void {
    if (this.#fill.value === 'own') {
      this.#text.hidden = false;
      this.#text.focus();
      this.#summary.textContent = 'Nested arrays as JSON, or numbers with spaces, commas or lines between them.';
    } else {
      this.#show();
    }
    changed();
  }

  #show(): void {
    if (this.#fill.value === 'own') {
      return;
    }
    const total = count(this.#shape);
    const isSmall = total <= SHOWN;
    this.#text.hidden = !isSmall;
    this.#text.value = isSmall ? made(this.#fill.value as Fill, this.#sort, this.#shape) : '';
    this.#summary.textContent = isSmall ? '' : `${total.toLocaleString('en')} values, [${this.#shape.join(', ')}], made when the model runs`;
  }
}

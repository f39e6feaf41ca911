/** The outputs of a bare graph: type, shape, range, and the first values. */

import type { Prediction, TensorType } from '../../../package/dist/index.js';
import { el } from '../dom.js';
import { flat, typed } from '../tensor.js';

/** Values that are shown of an output. */
const SHOWN = 96;
/** Of a longer row, the largest values with their places. */
const TOP = 5;
/** A JSON text beyond this is not taken apart again. */
const LARGEST = 16_000_000;

/** A place for each output. */
export class TensorOutputs {
  readonly root = el('div', { class: 'outputs' });

  constructor(private readonly declared: readonly TensorType[]) {
    this.clear();
  }

  /** Shows what the graph gave. */
  show({ json, outputs }: Prediction): void {
    const values: Record<string, unknown> = json.length <= LARGEST ? JSON.parse(json) : {};
    this.root.replaceChildren(
      ...outputs.map(({ name, elementType, shape }) => {
        const extents = Array.from(shape, Number);
        const all = flat(values[name] ?? []);
        return this.#card(name, typed({ elementType, shape: extents.map(String) }), all);
      }),
    );
  }

  /** Shows what there will be. */
  clear(): void {
    this.root.replaceChildren(...this.declared.map((tensor) => this.#card(tensor.name, typed(tensor), undefined)));
  }

  #card(name: string, type: string, values: unknown[] | undefined): HTMLElement {
    const head = el('div', { class: 'tensor-head' }, el('h3', {}, name), el('code', {}, type));
    if (!values) {
      return el('section', { class: 'output' }, head);
    }
    const shown = values.slice(0, SHOWN).map(text).join('  ');
    const rest = values.length > SHOWN ? `  … and ${(values.length - SHOWN).toLocaleString('en')} more` : '';
    return el(
      'section',
      { class: 'output' },
      head,
      summary(values),
      values.length > 0 && el('pre', { class: 'json', tabindex: 0, 'aria-label': `${name}: values` }, shown + rest),
    );
  }
}

/** The range, and of many numbers the largest ones. */
function summary(values: unknown[]): HTMLElement {
  const numbers = values.filter((value) => typeof value === 'number');
  if (numbers.length === 0) {
    const what = values.length === 0 ? 'No values, or too many to show' : `${values.length.toLocaleString('en')} values`;
    return el('p', { class: 'muted' }, what);
  }
  let [low, high, sum] = [Infinity, -Infinity, 0];
  for (const value of numbers) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
  }
  const other = values.length - numbers.length;
  const parts = [`from ${text(low)} to ${text(high)}`, `mean ${text(sum / numbers.length)}`];
  if (other > 0) {
    parts.push(`${other.toLocaleString('en')} are not finite`);
  }
  if (values.length > 10) {
    const ranked = values.map((value, at) => [Number(value), at] as const).filter(([value]) => Number.isFinite(value));
    const top = ranked.sort(([a], [b]) => b - a).slice(0, TOP);
    parts.push(`largest at ${top.map(([value, at]) => `${at} (${text(value)})`).join(', ')}`);
  }
  return el('p', { class: 'muted' }, parts.join(' · '));
}

function text(value: unknown): string {
  if (typeof value === 'number') {
    return String(Number(value.toPrecision(6)));
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

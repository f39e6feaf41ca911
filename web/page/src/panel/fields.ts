/** A form out of a package's input schema. */

import { el } from '../dom.js';
import type { Field } from '../manifest.js';
import { words } from '../text.js';

/** The value of a field in a JSON instance; undefined where the form leaves it out. */
type Value = string | number | boolean | undefined;

/** One field of the form. */
export class FormField {
  readonly root: HTMLElement;
  readonly #control: HTMLInputElement | HTMLSelectElement;

  constructor(
    readonly field: Field,
    prefix: string,
    changed: () => void,
    focused: (field: Field) => void,
  ) {
    const id = `${prefix}-${field.name}`;
    this.#control = control(field, id);
    this.#control.addEventListener('input', changed);
    this.#control.addEventListener('focus', () => focused(field));
    const label = el('label', { for: id }, title(field));
    const unit = field.unit && el('span', { class: 'unit' }, field.unit);
    const kind = field.type === 'boolean' ? 'field switch' : 'field';
    this.root = el('div', { class: kind }, label, el('span', { class: 'control' }, this.#control, unit));
  }

  /** What stands in the form. A number that is none travels as the text that it is. */
  get value(): Value {
    const { value } = this.#control;
    switch (this.field.type) {
      case 'boolean':
        return (this.#control as HTMLInputElement).checked;
      case 'number':
      case 'integer':
        return value === '' ? undefined : Number.isFinite(Number(value)) ? Number(value) : value;
      case 'string':
        return value === '' && 'default' in this.field ? undefined : value;
      default:
        return value;
    }
  }

  set value(value: unknown) {
    if (this.field.type === 'boolean') {
      (this.#control as HTMLInputElement).checked = value === true;
    } else {
      this.#control.value = value === undefined || value === null ? '' : String(value);
    }
  }

  /** Marks the field that the component found at fault. */
  set faulty(is: boolean) {
    this.root.classList.toggle('faulty', is);
    this.#control.setAttribute('aria-invalid', String(is));
  }
}

/** A field's name as words. The unit that stands in its control is not said twice. */
export function title({ name, unit }: Field): string {
  const said = unit && name.endsWith(`_${unit}`);
  return words(said ? name.slice(0, -unit.length) : name);
}

function control(field: Field, id: string): HTMLInputElement | HTMLSelectElement {
  switch (field.type) {
    case 'category': {
      const options = (field.values ?? []).map((value) => el('option', { value }, words(value)));
      return el('select', { id }, ...options);
    }
    case 'boolean':
      return el('input', { id, type: 'checkbox', role: 'switch' });
    case 'number':
    case 'integer':
      // The component says what is wrong, as it does everywhere; the browser's own checks stay out.
      return el('input', { id, type: 'text', inputmode: field.type === 'integer' ? 'numeric' : 'decimal', autocomplete: 'off' });
    case 'timestamp':
    case 'string':
      return el('input', { id, type: 'text', maxlength: field.max_length ?? 256, autocomplete: 'off', spellcheck: 'false' });
  }
}

/** What a field usually has: by the example that is taken as usual, or by the schema. */
export function usual(field: Field, example: Record<string, unknown> | undefined): unknown {
  if (example && field.name in example) {
    return example[field.name];
  }
  if (field.default !== undefined) {
    return field.default;
  }
  switch (field.type) {
    case 'boolean':
      return false;
    case 'category':
      return field.values?.[0];
    case 'timestamp':
      return '2026-01-15T12:00:00Z';
    case 'string':
      return '';
    default: {
      const [low, high] = field.training_range ?? [field.min ?? 0, field.max ?? field.min ?? 0];
      const middle = (low + high) / 2;
      return field.type === 'integer' ? Math.round(middle) : Number(middle.toPrecision(4));
    }
  }
}

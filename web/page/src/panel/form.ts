/** A tabular model: a form, a score on a dial, and what pushed it. */

import { CallError } from '../engine.js';
import { el } from '../dom.js';
import { floats, probabilities, type Field } from '../manifest.js';
import type { Failure, Input } from '../protocol.js';
import type { Session } from '../session.js';
import { decimal, words } from '../text.js';
import { Bars } from '../view/bars.js';
import { Gauge } from '../view/gauge.js';
import { Notice } from '../view/notice.js';
import { Opinions } from '../view/opinions.js';
import { Pushes, type Push } from '../view/pushes.js';
import { said } from '../view/said.js';
import { FormField, title, usual } from './fields.js';
import { sides, type Panel } from './panel.js';

type Fields = Record<string, unknown>;

/** Takes a JSON instance by its fields. */
export class FormPanel implements Panel {
  readonly root: HTMLElement;
  readonly #fields: FormField[];
  readonly #help = el('p', { class: 'help' });
  readonly #notice = new Notice();
  readonly #gauge: Gauge | undefined;
  readonly #bars: Bars | undefined;
  readonly #verdict = el('p', { class: 'verdict', role: 'status' });
  readonly #opinions: Opinions;
  readonly #pushes = new Pushes();
  readonly #alarms: Set<string>;
  readonly #usual: Fields;
  #asked = false;

  constructor(private readonly session: Session) {
    const { manifest, examples } = session;
    const rules = manifest.decision?.rules ?? [];
    this.#alarms = new Set(rules.map(({ action }) => action));
    const scored = manifest.output.score;
    const labels = manifest.output.labels ?? [];
    if (scored && labels.length > 0) {
      this.#gauge = new Gauge(words(scored.name), rules.map(({ above }) => above));
    } else if (labels.length > 0) {
      this.#bars = new Bars(labels);
    }
    this.#opinions = new Opinions(manifest);
    const presets = examples.flatMap((it) => ('fields' in it ? [it] : []));
    const ordinary = presets.find(({ title }) => title === 'ordinary') ?? presets[0];
    const fields = manifest.input?.fields ?? [];
    // What training saw of a field, an ensemble's members know.
    const learned = session.parts.flatMap(({ input }) => input?.fields ?? []);
    const known = (field: Field) => ({ ...learned.find(({ name }) => name === field.name), ...field });
    this.#usual = Object.fromEntries(
      fields.map((field) => [field.name, usual(known(field), ordinary?.fields)]),
    );
    const changed = () => this.session.latest(() => this.#ask());
    this.#fields = fields.map(
      (field) => new FormField(field, session.key, changed, (it) => this.#explain(it)),
    );
    const buttons = (presets.length > 0 ? presets : [{ title: 'usual', fields: this.#usual }]).map(
      ({ title, fields }) =>
        el('button', { type: 'button', onclick: () => this.#set(fields) }, words(title)),
    );
    const form = el('div', { class: 'fields' }, ...this.#fields.map(({ root }) => root));
    this.root = sides(
      [el('div', { class: 'tools presets', role: 'group', 'aria-label': 'Presets' }, ...buttons), form, this.#help],
      [
        ...(this.#gauge ? [this.#gauge.root] : []),
        this.#verdict,
        ...(this.#bars ? [this.#bars.root] : []),
        this.#opinions.root,
        this.#notice.root,
        this.#pushes.root,
      ],
    );
    this.root.classList.add('form');
    this.#explain(undefined);
    this.#fill((presets.find(({ title }) => title === 'suspicious') ?? presets[0])?.fields ?? this.#usual);
  }

  shown(): void {
    if (!this.#asked) {
      this.session.latest(() => this.#ask());
    }
  }

  #explain(field: Field | undefined): void {
    const text = field?.description ?? 'Change anything: the score follows.';
    this.#help.textContent = text;
  }

  #set(fields: Fields): void {
    this.#fill(fields);
    this.session.latest(() => this.#ask());
  }

  #fill(fields: Fields): void {
    for (const it of this.#fields) {
      it.value = it.field.name in fields ? fields[it.field.name] : it.field.default;
    }
  }

  get #values(): Fields {
    return Object.fromEntries(this.#fields.map(({ field, value }) => [field.name, value]));
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    this.#fields.forEach((it) => (it.faulty = false));
    const values = this.#values;
    try {
      const { prediction } = await this.session.predict(asInput(values));
      const { label, score, action } = prediction;
      if (this.#gauge && score !== undefined) {
        this.#gauge.show(score, action, action !== undefined && this.#alarms.has(action));
      }
      const shares = probabilities(this.session.manifest, prediction);
      if (shares && this.#bars) {
        this.#bars.show(shares);
      }
      const value = score !== undefined ? decimal(score) : this.#value(prediction.outputs);
      const what = shares ? said(this.session.manifest, prediction, shares) : [el('strong', {}, label ?? value)];
      this.#verdict.replaceChildren(...what, action ? `, ${action}` : '');
      this.#opinions.show(prediction);
      this.#notice.warn(prediction.warnings);
      await this.#whatIf(values, score);
    } catch (error) {
      const failure = error instanceof CallError ? error.failure : undefined;
      const faulty = this.#fields.find(({ field }) => field.name === failure?.field);
      if (faulty) {
        faulty.faulty = true;
      }
      this.#gauge?.clear();
      this.#bars?.clear();
      this.#opinions.clear();
      this.#pushes.clear();
      this.#verdict.textContent = 'No answer';
      this.#notice.fail(error);
    }
  }

  #value(outputs: Parameters<typeof floats>[0][]): string {
    const [first] = outputs;
    return first?.elementType === 'float32' ? decimal(floats(first)[0] ?? NaN) : 'Answered';
  }

  /** Puts each field by itself back to what is usual: how far the score moves is what it pushed. */
  async #whatIf(values: Fields, score: number | undefined): Promise<void> {
    const changed = this.#fields
      .map(({ field }) => field)
      .filter(({ role }) => role !== 'id')
      // What is left out has its default.
      .filter((field) => (values[field.name] ?? field.default) !== this.#usual[field.name]);
    if (score === undefined || changed.length === 0) {
      this.#pushes.none();
      return;
    }
    const inputs = changed.map(({ name }) => asInput({ ...values, [name]: this.#usual[name] }));
    const take = { key: this.session.key, inputs };
    const results = await this.session.engine.call('predictMany', take);
    const pushes = results.flatMap((result, at): Push[] => {
      const without = isFailure(result) ? undefined : result.score;
      const field = changed[at]!;
      const { name, unit } = field;
      return without === undefined
        ? []
        : [{ name: title(field), unit, value: values[name], usual: this.#usual[name], score, without }];
    });
    this.#pushes.show(pushes);
  }
}

function asInput(values: Fields): Input {
  return { kind: 'json', text: JSON.stringify(values) };
}

function isFailure(result: object): result is Failure {
  return 'code' in result;
}

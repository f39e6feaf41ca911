/** A text, answered as it is typed, with the tokens that the model reads. */

import { el } from '../dom.js';
import { probabilities } from '../manifest.js';
import type { Input } from '../protocol.js';
import type { Session } from '../session.js';
import { Bars } from '../view/bars.js';
import { Notice } from '../view/notice.js';
import { Opinions } from '../view/opinions.js';
import { said } from '../view/said.js';
import { Tokens } from '../view/tokens.js';
import { sides, type Panel } from './panel.js';

/** Where a model comes without examples. */
const EXAMPLES = [
  'The delivery was late, but the support team was wonderful.',
  'I would not buy this again.',
  'It does exactly what it says.',
];

/** Takes a text, and shows what the model makes of it. */
export class SentencePanel implements Panel {
  readonly root: HTMLElement;
  readonly #text: HTMLTextAreaElement;
  readonly #second: HTMLTextAreaElement | undefined;
  readonly #verdict = el('p', { class: 'verdict', role: 'status' }, 'Nothing typed yet');
  readonly #bars: Bars;
  readonly #opinions: Opinions;
  readonly #tokens = new Tokens();
  readonly #notice = new Notice();
  readonly #rest = el('pre', { class: 'json', hidden: true, tabindex: 0, 'aria-label': 'Answer' });

  constructor(private readonly session: Session) {
    const { output, task } = session.manifest;
    this.#bars = new Bars(output.labels ?? []);
    this.#bars.root.hidden = task !== 'text-classification';
    this.#opinions = new Opinions(session.manifest);
    this.#text = this.#area('Text', 'Type a sentence');
    const isPair = session.parts.some(({ input }) => input?.text?.pair);
    this.#second = isPair ? this.#area('Second text', 'and a second one') : undefined;
    const own = session.examples.flatMap((it) => ('text' in it ? [it.text] : []));
    const examples = (own.length > 0 ? own : EXAMPLES).slice(0, 4).map((text) =>
      el('button', { type: 'button', class: 'example', onclick: () => this.#set(text) }, text),
    );
    this.root = sides(
      [this.#text, ...(this.#second ? [this.#second] : []), el('div', { class: 'examples' }, ...examples)],
      [
        this.#verdict,
        this.#bars.root,
        this.#rest,
        this.#opinions.root,
        this.#tokens.root,
        this.#notice.root,
      ],
    );
  }

  shown(): void {
    if (this.#text.value === '') {
      const [first] = this.session.examples.flatMap((it) => ('text' in it ? [it.text] : []));
      this.#set(first ?? EXAMPLES[0]!);
    }
  }

  #area(label: string, placeholder: string): HTMLTextAreaElement {
    const changed = () => this.session.latest(() => this.#ask());
    return el('textarea', { rows: 6, 'aria-label': label, placeholder, maxlength: 20_000, oninput: changed });
  }

  #set(text: string): void {
    this.#text.value = text;
    this.session.latest(() => this.#ask());
  }

  async #ask(): Promise<void> {
    const text = this.#text.value;
    if (text.trim() === '') {
      this.#bars.clear();
      this.#opinions.clear();
      this.#tokens.clear();
      this.#notice.clear();
      this.#verdict.textContent = 'Nothing typed yet';
      return;
    }
    const second = this.#second?.value;
    const input: Input =
      second === undefined
        ? { kind: 'text', text }
        : { kind: 'json', text: JSON.stringify({ text, text_pair: second }) };
    try {
      const { prediction, seen } = await this.session.predict(input, true);
      const shares = probabilities(this.session.manifest, prediction);
      if (shares && this.session.manifest.task === 'text-classification') {
        this.#bars.show(shares);
        this.#verdict.replaceChildren(...said(this.session.manifest, prediction, shares));
      } else {
        this.#rest.hidden = false;
        this.#rest.textContent = JSON.stringify(JSON.parse(prediction.json), null, 2).slice(0, 20_000);
        this.#verdict.textContent = 'Answered';
      }
      this.#opinions.show(prediction);
      this.#tokens.show(seen);
      this.#notice.warn(prediction.warnings);
    } catch (error) {
      this.#bars.clear();
      this.#rest.textContent = '';
      this.#opinions.clear();
      this.#tokens.clear();
      this.#verdict.textContent = 'No answer';
      this.#notice.fail(error);
    }
  }
}

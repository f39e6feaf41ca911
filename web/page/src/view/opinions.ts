/** What each member of an ensemble said by itself. */

import type { Prediction } from '../../../package/dist/index.js';
import { el } from '../dom.js';
import { opinions, type Manifest, type Opinion } from '../manifest.js';
import { decimal, percent, words } from '../text.js';

/** A row for each member, which stays where it is. Hidden where there are no members. */
export class Opinions {
  readonly root: HTMLElement;
  readonly #rows: { label: HTMLElement; share: HTMLElement }[];

  constructor(private readonly manifest: Manifest) {
    const members = manifest.ensemble?.members ?? [];
    this.#rows = members.map(() => ({
      label: el('span', { class: 'label' }),
      share: el('span', { class: 'share' }),
    }));
    const rows = members.map(({ name, weight }, at) => {
      const { label, share } = this.#rows[at]!;
      const counts = weight === undefined ? undefined : el('small', {}, `weight ${weight}`);
      return el('li', {}, el('span', { class: 'name' }, name, counts), label, share);
    });
    this.root = el(
      'section',
      { class: 'opinion-frame', hidden: members.length === 0 },
      el('h3', {}, 'What each member said'),
      el('ol', { class: 'opinions' }, ...rows),
    );
    this.clear();
  }

  /** Shows what they said. */
  show(prediction: Prediction): void {
    opinions(this.manifest, prediction).forEach((opinion, at) => {
      const { label, share } = this.#rows[at]!;
      label.textContent = opinion.label ?? '';
      share.textContent = number(opinion, this.manifest);
    });
  }

  /** Shows that nothing is said yet. */
  clear(): void {
    this.#rows.forEach(({ label, share }) => {
      label.textContent = '';
      share.textContent = '\u2013';
    });
  }
}

/** A score of one label has its name; any other share is that of the label beside it. */
function number({ score, label }: Opinion, { output }: Manifest): string {
  if (label === undefined) {
    return decimal(Math.fround(score));
  }
  return output.score?.label ? `${words(output.score.name).toLowerCase()} ${score.toFixed(3)}` : percent(score);
}

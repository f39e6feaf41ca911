/** The proof: whose bytes run here, and that they give the same bits as everywhere. */

import { el } from './dom.js';
import type { CaseResult, TensorType } from '../../package/dist/index.js';
import type { Manifest } from './manifest.js';
import type { Site, Started } from './protocol.js';
import type { Session } from './session.js';
import { typed } from './tensor.js';
import { base64, decimal, list, size, time, words } from './text.js';
import { bitRow } from './view/bits.js';
import { signatureRow } from './view/signature.js';
import { verdict } from './view/verdict.js';

/** Characters of an answer that are shown. */
const LONGEST = 4000;

/** The section under the panels, about the model that is in use. */
export class Proof {
  readonly root = el('div', { class: 'proof' });
  readonly #identity = el('section', { class: 'card' });
  readonly #bits = el('section', { class: 'card' });
  readonly #cases = el('section', { class: 'card' });
  readonly #timing = el('section', { class: 'card' });
  readonly #card = el('section', { class: 'card wide' });
  #session: Session | undefined;
  readonly #answered = () => {
    this.#showBits();
    this.#showTiming();
  };

  constructor(
    private readonly site: Site,
    private readonly started: Started,
  ) {
    this.root.append(this.#identity, this.#cases, this.#bits, this.#timing, this.#card);
    this.show(undefined);
  }

  /** Is about a model from now on. */
  show(session: Session | undefined): void {
    this.#session?.removeEventListener('answered', this.#answered);
    this.#session = session;
    session?.addEventListener('answered', this.#answered);
    this.#showIdentity();
    this.#showCases();
    this.#showBits();
    this.#showTiming();
    this.#showCard();
  }

  #showIdentity(): void {
    const { digest, published, imports } = this.started;
    const nothing = imports.length === 0;
    const rows = [
      identity('Component', digest, published, `as published, ${size(this.site.component.size)}`),
      el(
        'div',
        { class: 'identity' },
        el('dt', {}, 'Its imports'),
        el('dd', {}, nothing ? 'none: it can reach no network, file, clock or randomness' : imports.join(', ')),
        el('dd', {}, verdict(nothing, nothing ? 'as listed by this browser' : 'not as promised')),
      ),
    ];
    if (this.#session) {
      const { opened, bundled } = this.#session;
      rows.push(identity('Package', opened.digest, bundled?.digest, bundled ? 'as published' : 'your own'));
      rows.push(signatureRow(this.#session, this.site.policy));
    }
    this.#identity.replaceChildren(
      el('h3', {}, 'Whose bytes'),
      el('p', { class: 'muted' }, 'sha256, computed in this tab from the very bytes that run.'),
      el('dl', {}, ...rows),
    );
  }

  #showCases(): void {
    const names = this.#session?.opened.caseNames ?? [];
    const explain = el(
      'p',
      { class: 'muted' },
      names.length > 0
        ? `The package has ${names.length} inputs with the exact bits that native hosts answered. Your browser predicts each and compares every bit of every output.`
        : this.#session
          ? 'The package has no reference cases: nobody has said which bits to expect. `host-cli seal` writes them.'
          : 'No model is open yet.',
    );
    const result = el('p', { class: 'result', role: 'status' });
    const waiting = names.map((name) => el('li', { class: 'muted' }, el('span', { 'aria-hidden': 'true' }, '·'), el('span', { class: 'name' }, name)));
    const list = el('ol', { class: 'cases', tabindex: 0, 'aria-label': 'Reference cases' }, ...waiting);
    const button = el(
      'button',
      { type: 'button', class: 'primary', id: 'run-cases' },
      'Run the reference cases',
    );
    const progress = el('progress', { max: names.length, value: 0, 'aria-label': 'Cases done' });
    button.addEventListener('click', () => void this.#runCases(button, progress, result, list));
    const run = names.length > 0 ? [button, progress, result, list] : [];
    this.#cases.replaceChildren(el('h3', {}, 'Same bits'), explain, ...run);
  }

  async #runCases(
    button: HTMLButtonElement,
    progress: HTMLProgressElement,
    result: HTMLElement,
    list: HTMLElement,
  ): Promise<void> {
    const session = this.#session;
    if (!session) {
      return;
    }
    button.disabled = true;
    result.textContent = '';
    const began = performance.now();
    let same = 0;
    const { caseNames } = session.opened;
    for (let index = 0; index < caseNames.length; index++) {
      const take = { key: session.key, index };
      const found = await session.engine
        .call('verifyCase', take, { limit: 60_000 })
        .catch((error: Error): CaseResult => {
          return { name: caseNames[index]!, differences: [{ part: 'answer', found: error.message }] };
        });
      same += found.differences.length === 0 ? 1 : 0;
      list.children[index]!.replaceWith(caseRow(found));
      progress.value = index + 1;
      if (this.#session !== session) {
        return;
      }
    }
    const took = time(performance.now() - began);
    const isGood = same === caseNames.length;
    result.className = `result ${isGood ? 'good' : 'bad'}`;
    result.textContent = isGood
      ? `${same} of ${caseNames.length} cases: every bit the same, in ${took}`
      : `${caseNames.length - same} of ${caseNames.length} cases differ`;
    button.disabled = false;
    button.textContent = 'Run them again';
  }

  #showBits(): void {
    const score = this.#session?.answered?.prediction.score;
    const json = this.#session?.answered?.prediction.json ?? '';
    const heading = el('h3', {}, 'The last answer, bit by bit');
    if (score === undefined) {
      const what = json ? el('pre', { class: 'json', tabindex: 0, 'aria-label': 'Answer' }, excerpt(json)) : el('p', { class: 'muted' }, 'Nothing asked yet.');
      this.#bits.replaceChildren(heading, what);
      return;
    }
    const compare = el('a', { href: 'compare.html', onclick: () => this.#remember() }, 'Compare it with a server');
    this.#bits.replaceChildren(
      heading,
      el('p', { class: 'score' }, decimal(score)),
      bitRow(score),
      el('p', { class: 'legend' }, el('i', { class: 'sign one' }), 'sign', el('i', { class: 'exponent one' }), 'exponent', el('i', { class: 'fraction one' }), 'fraction'),
      el('pre', { class: 'json', tabindex: 0, 'aria-label': 'Answer' }, json),
      this.#session?.bundled ? el('p', {}, compare) : '',
    );
  }

  /** Hands the input over to the page that compares. */
  #remember(): void {
    const { answered, bundled } = this.#session!;
    const { input } = answered!;
    const text = input.kind === 'image' ? base64(input.bytes) : input.text;
    const kept = JSON.stringify({ model: bundled!.name, kind: input.kind, text });
    try {
      sessionStorage.setItem('compare', kept);
    } catch {
      // Too large to hand over: the other page begins with a reference case.
    }
  }

  #showTiming(): void {
    const { download, compile, cached, wire } = this.started;
    const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    const sent = wire ? `${size(wire)} over the wire` : 'downloaded';
    const rows: [string, string, string][] = [
      ...(paint === undefined ? [] : [['First paint', time(paint), 'after the address was opened'] as [string, string, string]]),
      ['Component', time(download), cached ? 'from this browser’s cache, digested' : `${sent}, digested`],
      ['Compile', time(compile), 'after the last byte; the rest happened while it came'],
    ];
    if (this.#session) {
      const { fetch, load, bytes, cached } = this.#session.opened;
      rows.push(
        ['Package', time(fetch), `${size(bytes)}${cached ? ', from the cache' : ''}`],
        ['Load', time(load), 'digests checked, graph prepared'],
      );
      const { times } = this.#session;
      if (times.length > 0) {
        const middle = times.toSorted((a, b) => a - b)[times.length >> 1]!;
        rows.push(['Predict', time(times.at(-1)!), `median of ${times.length}: ${time(middle)}`]);
      }
    }
    const body = rows.map(([name, value, note]) =>
      el('tr', {}, el('th', { scope: 'row' }, name), el('td', { class: 'number' }, value), el('td', { class: 'muted' }, note)),
    );
    this.#timing.replaceChildren(el('h3', {}, 'Time by phase'), el('table', {}, el('tbody', {}, ...body)));
  }

  #showCard(): void {
    const session = this.#session;
    this.#card.hidden = !session;
    if (!session) {
      return;
    }
    const { manifest, opened } = session;
    const { description } = opened;
    const { training } = manifest;
    const facts: [string, string][] = [
      ['Task', manifest.task],
      ['Licence', manifest.license === 'NOASSERTION' ? 'not stated' : manifest.license],
      ...(manifest.ensemble ? [['Made of', madeOf(manifest.ensemble)] as [string, string]] : []),
      ...(training ? [['Learned from', training.data] as [string, string]] : []),
      ...(training?.period ? [['Period', training.period] as [string, string]] : []),
      ['Inputs', description.inputs.map(tensor).join('; ')],
      ['Outputs', description.outputs.map(tensor).join('; ')],
      ['Operators', description.operators.join(', ')],
      ...(description.operations ? [['Operations', `${description.operations.toLocaleString('en')} for one instance`] as [string, string]] : []),
    ];
    const metrics = Object.entries(training?.metrics ?? {}).map(([name, value]) =>
      el('li', {}, el('strong', {}, value.toLocaleString('en', { maximumSignificantDigits: 4 })), el('span', {}, words(name))),
    );
    this.#card.replaceChildren(
      el('h3', {}, `Model card: ${manifest.name} ${manifest.version}`),
      ...(manifest.description ? [el('p', {}, manifest.description)] : []),
      ...(metrics.length > 0 ? [el('ul', { class: 'metrics' }, ...metrics)] : []),
      el('dl', { class: 'facts' }, ...facts.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])),
    );
  }
}

function identity(name: string, computed: string, published: string | undefined, note: string): HTMLElement {
  const same = published === undefined || computed === published;
  const text = same ? note : `published is ${published}`;
  return el(
    'div',
    { class: 'identity' },
    el('dt', {}, name),
    el('dd', {}, el('code', { class: 'digest' }, computed)),
    published === undefined ? el('dd', { class: 'muted' }, note) : el('dd', {}, verdict(same, text)),
  );
}

function caseRow({ name, differences, prediction }: CaseResult): HTMLElement {
  const good = differences.length === 0;
  const [first] = differences;
  const detail = good
    ? prediction?.score === undefined
      ? 'same'
      : decimal(prediction.score)
    : `${first!.part}: expected ${first!.expected ?? 'nothing'}, found ${first!.found ?? 'nothing'}`;
  return el(
    'li',
    { class: good ? 'good' : 'bad' },
    el('span', { 'aria-hidden': 'true' }, good ? '✓' : '✗'),
    el('span', { class: 'name' }, name),
    el('span', { class: 'detail' }, detail),
  );
}

/** Which packages an ensemble combines, and how. */
function madeOf({ combine, members, stacker }: NonNullable<Manifest['ensemble']>): string {
  const names = list(members.map(({ name, weight }) => (weight === undefined ? name : `${name} (weight ${weight})`)));
  switch (combine) {
    case 'average':
      return `the average of ${names}`;
    case 'weighted':
      return `the weighted average of ${names}`;
    case 'vote':
      return `a vote of ${names}`;
    case 'stacked':
      return `${names}, whose answers ${stacker} takes`;
  }
}

function tensor(declared: TensorType): string {
  return `${declared.name} ${typed(declared)}`;
}

/** The beginning of a long answer. */
function excerpt(json: string): string {
  const rest = json.length - LONGEST;
  return rest > 0 ? `${json.slice(0, LONGEST)}… and ${rest.toLocaleString('en')} characters more` : json;
}

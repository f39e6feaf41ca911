/** The same input to the component here and to a server, and both answers to the last bit. */

import { byId, el } from './dom.js';
import { Engine } from './engine.js';
import type { Bundled, Input, Site } from './protocol.js';
import { address, ask, type ServerAnswer } from './server.js';
import { Session } from './session.js';
import { lacking } from './support-check.js';
import { bitsOf, short, time, words } from './text.js';
import { bitRow } from './view/bits.js';
import { Notice } from './view/notice.js';

const site: Site = JSON.parse(byId('site').textContent ?? '');
const notice = new Notice();
byId('notice').replaceChildren(notice.root);
const missing = lacking();
if (missing) {
  notice.fail(new Error(missing));
} else {
  void begin();
}

/** What can be sent: the last input of the other page, or a reference case. */
interface Choice {
  title: string;
  input(): Promise<Input>;
}

async function begin(): Promise<void> {
  const [model, chosen] = [byId<HTMLSelectElement>('model'), byId<HTMLSelectElement>('input')];
  const endpoint = byId<HTMLInputElement>('endpoint');
  const engine = new Engine(site);
  const started = engine.start();
  const sessions = new Map<string, Promise<Session>>();
  let choices: Choice[] = [];
  const handed = handedOver();

  model.append(...site.models.map(({ name }) => el('option', { value: name }, words(name))));
  model.value = handed?.model ?? site.models[0]?.name ?? '';
  endpoint.value = localStorage.getItem('endpoint') ?? location.origin;

  const session = (): Promise<Session> => {
    const bundled = site.models.find(({ name }) => name === model.value)!;
    const opening = sessions.get(bundled.name) ?? started.then(() => opened(engine, bundled));
    sessions.set(bundled.name, opening);
    return opening;
  };
  const fill = async () => {
    const { key, opened } = await session();
    const cases = opened.caseNames.map((name, index): Choice => {
      const input = async (): Promise<Input> => {
        return { kind: 'json', text: await engine.call('caseInput', { key, index }) };
      };
      return { title: name, input };
    });
    const last = handed?.model === key ? [{ title: 'Your last input', input: async () => handed.input }] : [];
    choices = [...last, ...cases];
    chosen.replaceChildren(...choices.map(({ title }, at) => el('option', { value: at }, title)));
  };
  model.addEventListener('change', () => void fill().catch((error) => notice.fail(error)));
  byId('send').addEventListener('click', async () => {
    notice.say('asking both…');
    byId('answers').replaceChildren();
    try {
      const asked = await session();
      const input = await choices[Number(chosen.value)]!.input();
      localStorage.setItem('endpoint', endpoint.value);
      await compare(asked, input, endpoint.value);
    } catch (error) {
      notice.fail(error);
    }
  });
  try {
    await fill();
    byId<HTMLButtonElement>('send').disabled = false;
  } catch (error) {
    notice.fail(error);
  }
}

function opened(engine: Engine, bundled: Bundled): Promise<Session> {
  const { name, base, files } = bundled;
  return Session.open(engine, name, { kind: 'bundled', base, files }, bundled);
}

async function compare(session: Session, input: Input, endpoint: string): Promise<void> {
  const url = address(endpoint, session.key);
  const [here, there] = await Promise.allSettled([session.predict(input), ask(url, input)]);
  if (here.status === 'rejected') {
    throw here.reason;
  }
  const name = session.manifest.output.score?.name ?? 'score';
  const { prediction, milliseconds } = here.value;
  const mine = JSON.parse(prediction.json);
  if (there.status === 'rejected') {
    byId('answers').replaceChildren(side('This tab', mine, prediction.score, undefined, time(milliseconds)));
    throw there.reason;
  }
  const { rendered, provenance, took } = there.value;
  const theirs = scoreOf(rendered, name);
  byId('answers').replaceChildren(
    side('This tab', mine, prediction.score, theirs, time(milliseconds)),
    side('The server', rendered, theirs, prediction.score, `${time(took)}, network and all`),
  );
  if (canonical(rendered) === canonical(mine)) {
    notice.good(`The same to the last bit. ${provenanceOf(session, provenance)}`);
  } else {
    notice.fail(new Error(`The answers differ. ${provenanceOf(session, provenance)}`));
  }
}

/** Whether both sides ran the same bytes, in a sentence. */
function provenanceOf(session: Session, { package: model, component }: ServerAnswer['provenance']): string {
  const different = [
    ...(model && model !== session.opened.digest ? [`another package (${short(model)}, here ${short(session.opened.digest)})`] : []),
    ...(component && component !== site.component.digest ? [`another component (${short(component)}, here ${short(site.component.digest)})`] : []),
  ];
  if (different.length > 0) {
    return `The server runs ${different.join(' and ')}.`;
  }
  return model && component
    ? 'Package and component have the same digests on both sides.'
    : 'The server does not say which package and component it runs.';
}

function scoreOf(answer: Record<string, unknown>, name: string): number | undefined {
  const score = answer[name];
  // A decimal that gives its bits back gives them as binary32.
  return typeof score === 'number' ? Math.fround(score) : undefined;
}

/** Parts in one order. Their decimals give the bits back, so equal text is equal bits. */
function canonical(value: unknown): string {
  const ordered = (_: string, it: unknown) =>
    it && typeof it === 'object' && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it;
  return JSON.stringify(value, ordered);
}

function side(title: string, answer: unknown, score: number | undefined, other: number | undefined, took: string): HTMLElement {
  return el(
    'section',
    { class: 'card' },
    el('h2', {}, title),
    el('p', { class: 'muted' }, took),
    ...(score === undefined ? [] : [el('p', { class: 'score' }, bitsOf(score)), bitRow(score, other)]),
    el('pre', { class: 'json', tabindex: 0, 'aria-label': `${title}: answer` }, JSON.stringify(answer, null, 2)),
  );
}

function handedOver(): { model: string; input: Input } | undefined {
  try {
    const { model, kind, text } = JSON.parse(sessionStorage.getItem('compare') ?? '');
    if (!site.models.some(({ name }) => name === model)) {
      return undefined;
    }
    const bytes = kind === 'image' ? Uint8Array.from(atob(text), (it) => it.charCodeAt(0)) : undefined;
    return { model, input: bytes ? { kind: 'image', bytes } : { kind, text } };
  } catch {
    return undefined;
  }
}

/** The same input to the component here and to a server, and both answers to the last bit. */

import { byId, el } from './dom.js';
import { Engine } from './engine.js';
import type { Bundled, Input, Site } from './protocol.js';
import { base64 } from './proof.js';
import { Session } from './session.js';
import { lacking } from './support-check.js';
import { bitsOf, time, words } from './text.js';
import { bitRow } from './view/bits.js';
import { Notice } from './view/notice.js';

/** How long a server may take, in milliseconds: a cold function takes seconds. */
const PATIENCE = 30_000;

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
      await ask(asked, input, endpoint.value);
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

async function ask(session: Session, input: Input, endpoint: string): Promise<void> {
  const [here, there] = await Promise.allSettled([
    session.predict(input),
    answerOf(address(endpoint, session.key), session, input),
  ]);
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
  const { answer, took, bits } = there.value;
  const theirs = scoreOf(answer, name);
  const { provenance, ...rest } = answer;
  const sameText = canonical(rest) === canonical(mine);
  const sameBits = prediction.score === undefined || bitsOf(prediction.score) === (bits ?? (theirs === undefined ? '' : bitsOf(theirs)));
  byId('answers').replaceChildren(
    side('This tab', mine, prediction.score, theirs, time(milliseconds)),
    side('The server', answer, theirs, prediction.score, `${time(took)}, network and all`),
  );
  const isSame = sameText && sameBits;
  notice.root.className = `notice ${isSame ? 'good' : 'failed'}`;
  notice.root.textContent = isSame
    ? 'The same to the last bit.'
    : sameBits
      ? 'The score has the same bits, but other parts of the answers differ.'
      : 'The answers differ.';
}

/** A server that is named without a path is `host-cli serve`. */
function address(endpoint: string, model: string): URL {
  let url;
  try {
    url = new URL(endpoint);
  } catch {
    throw new Error(`“${endpoint}” is no URL; expected something like http://localhost:8080`);
  }
  return url.pathname === '/' ? new URL(`models/${model}/predict`, url) : url;
}

async function answerOf(url: URL, session: Session, input: Input) {
  const began = performance.now();
  let response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: bodyOf(input),
      signal: AbortSignal.timeout(PATIENCE),
      credentials: 'omit',
    });
  } catch {
    throw new Error(`${url.href} could not be asked: it is not there, or does not allow other origins (CORS)`);
  }
  const text = await response.text();
  const took = performance.now() - began;
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`${url.href} answered ${response.status}, and no JSON`);
  }
  if (!response.ok) {
    throw new Error(`${url.href} answered ${response.status}: ${answer.detail ?? answer.error ?? text.slice(0, 200)}`);
  }
  const [first] = Array.isArray(answer) ? answer : (answer.predictions ?? [answer]);
  return { answer: first as Record<string, unknown>, took, bits: undefined };
}

/** What a server takes: a JSON object, whatever the model. */
function bodyOf(input: Input): string {
  switch (input.kind) {
    case 'json':
      return input.text;
    case 'text':
      return JSON.stringify({ text: input.text });
    case 'image':
      return JSON.stringify({ image: base64(input.bytes) });
  }
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

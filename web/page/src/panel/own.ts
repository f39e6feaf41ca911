/** A package of the visitor's own: dropped or chosen, never uploaded. It runs in a worker of its own. */

import { el } from '../dom.js';
import { Engine } from '../engine.js';
import type { Origin, Site, Started } from '../protocol.js';
import { Session } from '../session.js';
import { counted, list, size } from '../text.js';
import { Notice } from '../view/notice.js';
import { dropZone, invitation } from '../view/zone.js';
import { Dropped } from './dropped.js';
import { panelFor } from './choose.js';
import type { Panel } from './panel.js';

/** Takes a package, and shows the panel that fits it. */
export class OwnPanel implements Panel {
  readonly root = el('div', { class: 'own' });
  readonly #notice = new Notice();
  readonly #place = el('div', { class: 'own-model' });
  readonly #archive = el('input', {
    type: 'file',
    multiple: true,
    class: 'visually-hidden',
    tabindex: -1,
    'aria-label': 'ONNX file, or package archive or files',
    onchange: () => void this.#chosen(this.#archive),
  });
  readonly #folder = el('input', {
    type: 'file',
    webkitdirectory: true,
    class: 'visually-hidden',
    tabindex: -1,
    'aria-label': 'Package folder',
    onchange: () => void this.#chosen(this.#folder),
  });
  #engine: Engine | undefined;
  /** Counts what was dropped: only the latest is shown. */
  #turn = 0;

  constructor(
    private readonly site: Site,
    private readonly started: Promise<Started>,
    private readonly opened: (session: Session | undefined) => void,
  ) {
    const zone = el(
      'div',
      { class: 'zone wide' },
      invitation(
        'an ONNX file or a model package',
        'a package as its folder, its files, or its archive (.tar). It stays in this tab.',
        'a package as its archive (.tar), or all of its files. It stays in this tab.',
      ),
    );
    const tools = el(
      'div',
      { class: 'tools' },
      el('button', { type: 'button', onclick: () => this.#archive.click() }, 'Choose a file'),
      el('button', { type: 'button', onclick: () => this.#folder.click() }, 'Choose a folder'),
      this.#archive,
      this.#folder,
    );
    this.root.append(zone, tools, this.#notice.root, this.#place);
    dropZone(zone, (transfer) => void this.#take(Dropped.of(transfer)), () => this.#archive.click());
  }

  async #chosen(input: HTMLInputElement): Promise<void> {
    const dropped = Dropped.chosen(input.files);
    await this.#take(dropped);
    input.value = '';
  }

  async #take(dropped: Promise<Dropped>): Promise<void> {
    const turn = ++this.#turn;
    this.#place.replaceChildren();
    this.opened(undefined);
    // A model that hangs or breaks its sandbox takes nobody with it.
    this.#engine?.end('another model took its place');
    try {
      const { files, total } = await dropped;
      this.#say(turn, `reading ${size(total)}…`);
      const from = await origin(files);
      this.#say(turn, 'checking it, and loading its graph…');
      const session = this.#isLatest(turn) && (await this.#load(from));
      if (session && this.#isLatest(turn)) {
        this.#show(session);
      }
    } catch (error) {
      // What came to nothing because of a newer one is nobody's concern.
      if (this.#isLatest(turn)) {
        this.#notice.fail(error);
      }
    }
  }

  #isLatest(turn: number): boolean {
    return turn === this.#turn;
  }

  #say(turn: number, message: string): void {
    if (this.#isLatest(turn)) {
      this.#notice.say(message);
    }
  }

  async #load(origin: Origin): Promise<Session> {
    const engine = (this.#engine = new Engine(this.site));
    await engine.start(undefined, await this.started);
    return Session.open(engine, 'own', origin);
  }

  #show(session: Session): void {
    const { description, bytes } = session.opened;
    const { name, version, task, operators } = description;
    const members = session.opened.members.map(({ name }) => name);
    const made = members.length > 0 ? [`an ensemble of ${list(members)}`] : [];
    const facts = [task, ...made, size(bytes), counted(operators.length, 'operator')];
    this.#notice.clear();
    const panel = panelFor(session);
    this.#place.append(
      el('h3', {}, `${name} ${version}`),
      el('p', { class: 'muted' }, facts.join(' · ')),
      ...(session.manifest.description ? [el('p', {}, session.manifest.description)] : []),
      panel.root,
    );
    panel.shown?.();
    this.opened(session);
  }
}

/** One file is a graph or an archive; several are a package's files. */
async function origin(files: { path: string; file: File }[]): Promise<Origin> {
  const bytes = async (file: File) => new Uint8Array(await file.arrayBuffer());
  const graphs = files.filter(({ path }) => path.endsWith('.onnx'));
  const isPackage = files.some(({ path }) => path === 'manifest.json');
  const only = files.length === 1 ? files[0] : isPackage ? undefined : graphs[0];
  if (!only) {
    const read = files.map(async ({ path, file }) => ({ path, content: await bytes(file) }));
    return { kind: 'files', files: await Promise.all(read) };
  }
  if (graphs.length > 1) {
    throw new Error(`${graphs.length} ONNX files and no manifest.json; drop one of them`);
  }
  const weights = files.find(({ path }) => path.startsWith(only.path) && /[._]data$/.test(path));
  if (weights) {
    throw new Error(
      `the weights of ${only.path} lie in ${weights.path}; \`host-cli package ${only.path}\` makes one package of both, which can be dropped here`,
    );
  }
  return { kind: 'file', name: only.path, bytes: await bytes(only.file) };
}

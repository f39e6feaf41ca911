/** The page: starts the component, and opens a model when its tab is first looked at. */

import { byId, el } from './dom.js';
import { Engine } from './engine.js';
import { ModelPlace } from './model-place.js';
import { OwnPanel } from './panel/own.js';
import { Proof } from './proof.js';
import type { Site } from './protocol.js';
import { Offline } from './offline.js';
import type { Session } from './session.js';
import { lacking } from './support-check.js';
import { Status } from './status.js';
import { Tabs } from './tabs.js';
import { words } from './text.js';

/** What the tabs say. A model without a word here goes by its name. */
const TITLES: Record<string, [title: string, hint: string]> = {
  digits: ['Draw a digit', 'Draw one digit with mouse, finger or pen. Every stroke is a prediction.'],
  fraud: ['Score a payment', 'A card payment by its fields: the same features, the same trees, the same rules as in production.'],
  photos: ['Name a photo', 'A photo goes in as its file; the component decodes, scales and crops it.'],
  sentiment: ['Weigh a sentence', 'Answered as you type. The tokenizer is in the component, too.'],
};

const site: Site = JSON.parse(byId('site').textContent ?? '');
const status = new Status(byId('status'), site);

const missing = lacking();
if (missing) {
  status.fail(missing);
  byId('demos').replaceChildren(el('p', { class: 'empty' }, missing));
} else {
  begin();
}

function begin(): void {
  const engine = new Engine(site);
  const started = engine.start((progress) => status.progress(progress));
  const offline = new Offline(byId('offline'), site, engine, started);
  let proof: Proof | undefined;
  let current: Session | undefined;
  const look = (session: Session | undefined) => {
    current = session;
    proof?.show(session);
  };
  const bundled = site.models.map((model) => {
    const [title, hint] = TITLES[model.name] ?? [words(model.name), model.task];
    const place = new ModelPlace(engine, model, hint);
    const show = async () => {
      const session = await place.show();
      session?.addEventListener('answered', () => void offline.keep(), { once: true });
      look(session);
    };
    return { id: model.name, title, root: place.root, show };
  });
  let ownSession: Session | undefined;
  const own = new OwnPanel(site, started, (session) => look((ownSession = session)));
  const ownTab = {
    id: 'own',
    title: 'Your own model',
    root: el('div', {}, el('p', { class: 'hint' }, 'Drop an ONNX file or a package: it is checked, described and run here, by the component that runs everywhere.'), own.root),
    show: async () => look(ownSession),
  };
  new Tabs(byId('tabs'), byId('demos'), [...bundled, ownTab]);
  started.then(
    (result) => {
      status.done(result);
      proof = new Proof(site, result);
      byId('proof').replaceChildren(proof.root);
      proof.show(current);
    },
    (error) => status.fail(error.message),
  );
}

/**
 * The worker: the only place of the page that runs WebAssembly. It holds an instance for each
 * model, so the page never waits for a prediction.
 */

import {
  JsonText,
  loadComponent,
  loadModel,
  Model,
  PredictError,
  type Component,
  type Instance,
  type PackageFile,
  type Progress,
} from '../../package/dist/index.js';
import { single } from '../../package/dist/source.js';
import { drawing, pngOfCanvas, support } from '../../package/dist/support.js';
import { content, opened } from '../../package/dist/read.js';
import { Lens } from './lens.js';
import { withResolvers } from './resolvers.js';
import { Store } from './store.js';
import { checkSignature, claimOf } from './trust.js';
import type { Calls, Failure, Input, Opened, Origin, Reply, Request } from './protocol.js';

const models = new Map<string, { model: Model; lens: Lens }>();
/** There once `start` is done; packages are fetched meanwhile. */
const component = withResolvers<Component>();
component.promise.catch(() => {});
let base: string;
let trustModule: URL;

type Handlers = {
  [Name in keyof Calls]: (
    take: Calls[Name]['take'],
    progress: (progress: Progress) => void,
  ) => Promise<Calls[Name]['give']> | Calls[Name]['give'];
};

const handlers: Handlers = {
  async start({ site, base: at, module }, onProgress) {
    base = at;
    trustModule = new URL(site.trust, base);
    const store = await Store.open();
    const url = new URL(site.component.url, base);
    const supportUrl = new URL(site.support, base);
    if (module) {
      await support(supportUrl, store);
      component.resolve(module);
      return module;
    }
    const options = { module: url, support: supportUrl, open: store.open, onProgress };
    const loading = loadComponent(options).catch(async (error) => {
      // A copy of this browser's that is damaged must not stay in the way.
      if (await store.forget(url)) {
        return loadComponent(options);
      }
      throw error;
    });
    loading.then(component.resolve, component.reject);
    const { module: compiled, digest, download, compile } = await loading;
    const [resource] = performance.getEntriesByName(url.href) as PerformanceResourceTiming[];
    const wire = resource?.encodedBodySize;
    return {
      module: compiled,
      digest,
      published: site.component.digest,
      imports: WebAssembly.Module.imports(compiled).map((it) => `${it.module} ${it.name}`),
      download,
      compile,
      ...(wire && { wire }),
      cached: store.had(url),
    };
  },

  async open({ key, origin }, onProgress) {
    const store = await Store.open();
    const began = performance.now();
    const files = await filesOf(origin, store, onProgress);
    const fetched = performance.now();
    const ready = await component.promise;
    const begun = performance.now();
    const model = await loadModel(files, { component: ready });
    const loaded = performance.now();
    const before = models.get(key)?.model;
    [before, ...(before?.members ?? [])].forEach((it) => it?.source.free());
    models.set(key, { model, lens: new Lens(model) });
    return {
      description: model.description,
      digest: model.source.digest,
      modality: model.source.modality as Opened['modality'],
      members: model.members.map(({ name, source }) => ({ name, manifest: source.manifest })),
      caseNames: model.caseNames,
      signed: claimOf(model.source.signature),
      bytes: files.reduce((sum, { content }) => sum + content.length, 0),
      fetch: fetched - began,
      load: loaded - begun,
      cached: origin.kind === 'bundled' && store.hadAll,
    };
  },

  async keep() {
    await (await Store.open()).keep();
  },

  async predict({ key, input, look }) {
    const model = modelOf(key);
    const instance = instanceOf(input);
    const began = performance.now();
    const prediction = model.predict(instance);
    const milliseconds = performance.now() - began;
    const seen = look ? await models.get(key)!.lens.look(instance) : [];
    return { prediction, milliseconds, seen };
  },

  predictMany({ key, inputs }) {
    const results = modelOf(key).predictAll(inputs.map(instanceOf));
    return results.map((result) => (result instanceof PredictError ? failureOf(result) : result));
  },

  caseInput({ key, index }) {
    return modelOf(key).source.caseInput(index) ?? '';
  },

  async checkSignature({ key, policy }) {
    const { source, description } = modelOf(key);
    const store = await Store.open();
    const module = () => opened(trustModule, { open: store.open });
    return checkSignature(module, policy, source.signature, description.name, source.digests);
  },

  verifyCase({ key, index }) {
    return modelOf(key).verifyCase(index);
  },

  draw({ size, pen, points, lengths }) {
    return drawing(size, pen, points, lengths) as Uint8Array<ArrayBuffer>;
  },

  png({ width, height, rgba }) {
    return pngOfCanvas(width, height, rgba) as Uint8Array<ArrayBuffer>;
  },
};

addEventListener('message', async ({ data }: MessageEvent<Request>) => {
  const { id, name, take } = data;
  const send = (reply: Reply) => postMessage(reply);
  try {
    const handler = handlers[name] as (take: unknown, progress: (it: Progress) => void) => unknown;
    const give = await handler(take, (progress) => send({ id, kind: 'progress', progress }));
    send({ id, kind: 'done', give });
  } catch (thrown) {
    send({ id, kind: 'failed', failure: failureOf(thrown) });
  }
});

async function filesOf(
  origin: Origin,
  store: Store,
  onProgress: (progress: Progress) => void,
): Promise<PackageFile[]> {
  switch (origin.kind) {
    case 'files':
      return origin.files;
    case 'file':
      return single(origin.name, origin.bytes);
    case 'bundled': {
      const at = new URL(`${origin.base}/`, base);
      const reading = { open: store.open, onProgress };
      const files = origin.files.map(async ({ path, size }) => {
        return { path, content: await content(new URL(path, at), path, size, reading) };
      });
      return Promise.all(files);
    }
  }
}

function modelOf(key: string): Model {
  const model = models.get(key)?.model;
  if (!model) {
    throw new PredictError('invalid-state', 'the model is not loaded', 'not-loaded');
  }
  return model;
}

function instanceOf(input: Input): Instance {
  switch (input.kind) {
    case 'json':
      return new JsonText(input.text);
    case 'text':
      return input.text;
    case 'image':
      return input.bytes;
  }
}

function failureOf(thrown: unknown): Failure {
  if (thrown instanceof PredictError) {
    const { kind, code, message, field } = thrown;
    return { kind, code, message, ...(field !== undefined && { field }) };
  }
  const error = thrown as { message?: string; code?: string };
  const message = error?.message ?? String(thrown);
  return { kind: 'internal', code: error?.code ?? 'internal', message };
}

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
  type Tensor,
} from '../../package/dist/index.js';
import { single } from '../../package/dist/source.js';
import { drawing, pngOfCanvas, support } from '../../package/dist/support.js';
import { content, opened } from '../../package/dist/read.js';
import { withResolvers } from './resolvers.js';
import { Store } from './store.js';
import { checkSignature, claimOf } from './trust.js';
import type { Calls, Failure, Input, Opened, Origin, Reply, Request, Seen } from './protocol.js';

/** ONNX's numbers for the types that a graph's pictures and tokens have. */
const ELEMENT = { float32: 1, uint8: 2, int64: 7 } as const;

const models = new Map<string, Model>();
const lenses = new Map<string, Model | undefined>();
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
    models.get(key)?.source.free();
    models.set(key, model);
    lenses.delete(key);
    return {
      description: model.description,
      digest: model.source.digest,
      modality: model.source.modality as Opened['modality'],
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
    const seen = look ? await seenBy(key, model, instance) : undefined;
    return { prediction, milliseconds, ...(seen && { seen }) };
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
  const model = models.get(key);
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

/** What the graph was given for an instance, by the component's own account. */
async function seenBy(key: string, model: Model, instance: Instance): Promise<Seen | undefined> {
  const lens = await lensOf(key, model);
  const seen = lens?.predict(instance).outputs.find(({ name }) => name === 'seen');
  if (!seen) {
    return undefined;
  }
  if (model.source.modality === 'text') {
    return { kind: 'tokens', tokens: model.source.tokens(integers(seen)) };
  }
  const shape = Array.from(seen.shape, Number);
  const rgba = model.source.pixels(Uint32Array.from(shape), seen.data) as Uint8Array<ArrayBuffer>;
  // The smaller of the outer extents is the number of channels.
  const last = shape[2]! <= 4 && shape[0]! > 4;
  const [height, width] = last ? [shape[0]!, shape[1]!] : [shape[1]!, shape[2]!];
  return { kind: 'pixels', width, height, rgba };
}

/** The model's lens, made when first asked for. A model may have none: then nothing is shown. */
async function lensOf(key: string, model: Model): Promise<Model | undefined> {
  if (!lenses.has(key)) {
    lenses.set(key, await makeLens(model).catch(() => undefined));
  }
  return lenses.get(key);
}

async function makeLens(model: Model): Promise<Model | undefined> {
  const manifest = JSON.parse(model.source.manifest);
  const source = model.source.modality === 'text' ? 'input-ids' : 'pixels';
  const named = manifest.graph.inputs.find((it: { from: string }) => it.from === source)?.name;
  const input = model.description.inputs.find(({ name }) => name === named);
  const element = input && ELEMENT[input.elementType as keyof typeof ELEMENT];
  if (!input || !element) {
    return undefined;
  }
  const files = model.source.lens(element, input.shape).map((file) => {
    const taken = { path: file.path, content: file.take() };
    file.free();
    return taken;
  });
  return Model.load(model.component, files);
}

function integers({ data }: Tensor): Int32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int32Array.from({ length: data.length / 8 }, (_, at) => Number(view.getBigInt64(at * 8, true)));
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

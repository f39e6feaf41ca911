/**
 * The component, compiled.
 *
 * A component is a core module in an envelope of interface types. jco turns the envelope into
 * JavaScript and leaves the module as it is: the module's bytes lie in the component, untouched.
 * So the digest of the whole component is computed from the envelope and the very bytes that are
 * compiled, while they arrive.
 */

import { PredictError } from './error.js';
import { after, before, digest as published, moduleSize } from './generated/envelope.js';
import { instantiate } from './generated/predictor.js';
import { each, opened, type Reading } from './read.js';
import { Hasher, support } from './support.js';
import type { Description, PackageFile, Prediction, Tensor } from './types.js';

/** What jco makes of the interface's exports. Errors of the interface are thrown. */
export interface Exports {
  load(files: PackageFile[]): void;
  describe(): Description;
  predict(instances: RawInstance[]): ({ tag: 'ok'; val: Prediction } | { tag: 'err'; val: never })[];
  infer(inputs: Tensor[]): Tensor[];
}

/** The interface's `instance`. */
export type RawInstance =
  | { tag: 'json'; val: string }
  | { tag: 'text'; val: string }
  | { tag: 'image'; val: Uint8Array };

/** Where the two modules lie, if not beside this file. */
export interface ComponentOptions extends Reading {
  module?: URL;
  support?: URL;
}

/** A compiled component, of which any number of instances can be made. It can be sent to workers. */
export interface Component {
  readonly module: WebAssembly.Module;
  /** `sha256:<hex>` of the component, computed from the bytes that were compiled. */
  readonly digest: string;
  /** Milliseconds from the first byte asked for to the last one here and digested. */
  readonly download: number;
  /** Milliseconds after that until everything was compiled. */
  readonly compile: number;
}

/** The digest that this package was published with. */
export const publishedDigest: string = published;

/** The component's size in bytes. */
export const componentSize: number = before.length + moduleSize + after.length;

/** Downloads and compiles the component. */
export async function loadComponent(options: ComponentOptions = {}): Promise<Component> {
  const url = options.module ?? new URL('./generated/predictor.core.wasm', import.meta.url);
  const began = performance.now();
  const [response] = await Promise.all([
    opened(url, options),
    support(options.support, options),
  ]);
  const copy = response.clone();
  const compiling = WebAssembly.compileStreaming(typed(response));
  // Whoever serves a damaged module hears of its digest, not of a byte that can't be compiled.
  compiling.catch(() => {});
  const hasher = new Hasher();
  hasher.update(before);
  let loaded = 0;
  await each(copy, (piece) => {
    hasher.update(piece);
    loaded += piece.length;
    options.onProgress?.({ what: 'component', loaded, total: moduleSize });
  });
  hasher.update(after);
  const digest = hasher.finish();
  const arrived = performance.now();
  if (digest !== published) {
    const message = `${url.href}: the component's digest is ${digest}, published is ${published}; the file was changed or damaged`;
    throw new PredictError('invalid-model', message, 'digest-mismatch');
  }
  const module = await compiling;
  return { module, digest, download: arrived - began, compile: performance.now() - arrived };
}

/** A fresh instance without a model. It gets no import: there is nothing that it could reach. */
export async function instance(component: Component): Promise<Exports> {
  const { model } = await instantiate(() => component.module, {});
  return model as Exports;
}

/** `compileStreaming` asks for the type, which simple servers don't know. */
function typed(response: Response): Response {
  if (response.headers.get('content-type') === 'application/wasm') {
    return response;
  }
  return new Response(response.body, { headers: { 'content-type': 'application/wasm' } });
}

/**
 * The component, compiled.
 *
 * A component is a core module in an envelope of interface types. jco turns the envelope into
 * JavaScript and leaves the module as it is: the module's bytes lie in the component, untouched.
 * So the digest of the whole component is computed from the envelope and the very bytes that are
 * compiled.
 */

import { PredictError } from './error.js';
import { after, before, digest as published, moduleSize } from './generated/envelope.js';
import { instantiate } from './generated/predictor.js';
import { each, opened, steps, type Reading } from './read.js';
import { digest } from './digest.js';
import { support } from './support.js';
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
  const supporting = support(options.support, options);
  supporting.catch(() => {});
  const response = await opened(url, options);
  const copy = response.clone();
  const compiling = WebAssembly.compileStreaming(typed(response));
  // Whoever serves a damaged module hears of its digest, not of a byte that can't be compiled.
  compiling.catch(() => {});
  const bytes = await gathered(copy, options);
  const arrived = performance.now();
  const found = bytes && (await digest(bytes));
  if (found !== published) {
    const what = found ? `the component's digest is ${found}, published is ${published}` : `the module has more than the ${moduleSize} bytes that were published`;
    const message = `${url.href}: ${what}; the file was changed or damaged`;
    throw new PredictError('invalid-model', message, 'digest-mismatch');
  }
  const [module] = await Promise.all([compiling, supporting]);
  return { module, digest: found, download: arrived - began, compile: performance.now() - arrived };
}

/** The whole component round a module that arrives; nothing if it is too long to be the one. */
async function gathered(response: Response, reading: Reading): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const whole = new Uint8Array(componentSize);
  whole.set(before);
  let loaded = 0;
  const tell = steps('component', moduleSize, reading);
  await each(response, (piece) => {
    if (loaded + piece.length <= moduleSize) {
      whole.set(piece, before.length + loaded);
    }
    loaded += piece.length;
    tell(loaded);
  });
  // What is missing is zeros, which the digest tells.
  whole.set(after, before.length + moduleSize);
  return loaded <= moduleSize ? whole : undefined;
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

/**
 * Runs model packages in browsers and in Node, by the same WebAssembly component as every other
 * host: the same input gives the same bits.
 *
 *     import { loadModel } from 'samebits';
 *     const model = await loadModel('models/fraud/package');
 *     const { score, action } = model.predict({ amount: 42.8, … });
 */

import { loadComponent, type Component, type ComponentOptions } from './component.js';
import { Model } from './model.js';
import { packageFiles, type ModelSource } from './source.js';

export { componentSize, loadComponent, publishedDigest } from './component.js';
export type { Component, ComponentOptions } from './component.js';
export { PredictError, type ErrorKind } from './error.js';
export { Model, type Member } from './model.js';
export type { ModelSource } from './source.js';
export * from './types.js';

let shared: Promise<Component> | undefined;

/** How a model is loaded. */
export interface LoadOptions extends ComponentOptions {
  /** A component compiled before; without it one is compiled at the first call and kept. */
  component?: Component;
}

/** Loads a package into an instance of the component of its own. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const [component, files] = await Promise.all([
    options.component ?? compiled(options),
    packageFiles(source, options),
  ]);
  return Model.load(component, files);
}

function compiled(options: ComponentOptions): Promise<Component> {
  if (!shared) {
    shared = loadComponent(options);
    // A network that is back is worth another try.
    shared.catch(() => (shared = undefined));
  }
  return shared;
}

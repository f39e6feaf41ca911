// The component in V8: transpiled by jco to a core module and its JavaScript bindings, then
// instantiated without a single import.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CACHE = fileURLToPath(new URL('../../target/v8', import.meta.url));
const { dependencies } = JSON.parse(await readFile(new URL('package.json', import.meta.url)));
const JCO = `jco-${dependencies['@bytecodealliance/jco']}`;

/** A compiled component, of which any number of instances can be made. */
export class Predictor {
  #instantiate;
  #module;

  /** Transpiles (the first time) and compiles the component at `path`. */
  static async compile(path) {
    const component = await readFile(path).catch((cause) => {
      const message = `no component at ${path}; build it with \`cargo xtask component\``;
      throw new Error(message, { cause });
    });
    const folder = await transpiled(component);
    const predictor = new Predictor();
    const bindings = await import(pathToFileURL(`${folder}/predictor.mjs`));
    predictor.#instantiate = bindings.instantiate;
    predictor.#module = await WebAssembly.compile(await readFile(`${folder}/predictor.core.wasm`));
    return predictor;
  }

  /** A fresh instance without a model: `load`, `describe`, `predict`, `infer`. */
  async instance() {
    const { model } = await this.#instantiate(() => this.#module, {});
    return model;
  }
}

/** The folder with the transpiled component, which is made if it is not there yet. */
async function transpiled(component) {
  const digest = createHash('sha256').update(component).digest('hex');
  const parent = `${CACHE}/${digest}`;
  const folder = `${parent}/${JCO}`;
  if (existsSync(folder)) {
    return folder;
  }
  // Only now: jco takes a while to import.
  const { componentWit, transpile } = await import('@bytecodealliance/jco');
  // What is in the cache has passed this check. It reads the component's own interface: jco's list
  // of imports leaves out those that have types only.
  const imports = [...(await componentWit(component)).matchAll(/^ *import (.+);$/gm)];
  if (imports.length > 0) {
    const names = imports.map(([, name]) => name).join(', ');
    throw new Error(`the component imports ${names}; it must import nothing`);
  }
  const { files } = await transpile(component, {
    name: 'predictor',
    instantiation: 'async',
    namespacedExports: false,
    emitTypescriptDeclarations: false,
  });
  const modules = Object.keys(files).filter((name) => name.endsWith('.core.wasm'));
  if (modules.length !== 1) {
    throw new Error(`expected one core module in the component, found ${modules.join(', ')}`);
  }
  await mkdir(parent, { recursive: true });
  const partial = await mkdtemp(`${parent}/partial-`);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(`${partial}/${basename(name).replace(/\.js$/, '.mjs')}`, content);
  }
  // Another run may have been faster; its files are the same.
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }));
  return folder;
}

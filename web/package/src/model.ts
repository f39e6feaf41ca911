/** A loaded model: one package in an instance of the component of its own. */

import type { Component, Exports, RawInstance } from './component.js';
import { instance as instantiate } from './component.js';
import { ofInterface, ofThrown, PredictError } from './error.js';
import { Answer, PackageReader, type ModelPackage } from './support.js';
import {
  JsonText,
  type CaseResult,
  type Description,
  type Instance,
  type PackageFile,
  type Prediction,
  type Tensor,
} from './types.js';

const MANIFEST = 'manifest.json';
/** Lies beside a package's files, and is for hosts. */
const SIGNATURE = 'model.sig';

/** A package inside an ensemble, whose answer is one of those that are combined. */
export interface Member {
  name: string;
  source: ModelPackage;
}

/** Bytes of an element in reference cases, where they are more than one. */
const ELEMENT_SIZE: Partial<Record<Tensor['elementType'], number>> = {
  uint16: 2, int16: 2, float16: 2, bfloat16: 2,
  uint32: 4, int32: 4, float32: 4,
  uint64: 8, int64: 8, float64: 8,
};

/** A model that predicts. */
export class Model {
  /** Who it is and what it takes and gives. */
  readonly description: Description;
  readonly #exports: Exports;

  private constructor(
    /** The package, as the component has checked it. */
    readonly source: ModelPackage,
    /** The packages in it, if it is an ensemble. */
    readonly members: readonly Member[],
    readonly component: Component,
    exports: Exports,
  ) {
    this.#exports = exports;
    this.description = exports.describe();
  }

  /** Loads the files of a package into a fresh instance, which checks them. */
  static async load(component: Component, files: PackageFile[]): Promise<Model> {
    try {
      const exports = await instantiate(component);
      exports.load(files.filter(({ path }) => path !== SIGNATURE));
      // Beyond this line every file is what the manifest says.
      const source = read(files);
      return new Model(source, membersOf(source, files), component, exports);
    } catch (thrown) {
      throw ofThrown(thrown);
    }
  }

  /** Predicts one instance. Throws a {@link PredictError} if it is refused. */
  predict(instance: Instance): Prediction {
    const [result] = this.predictAll([instance]);
    if (result instanceof PredictError) {
      throw result;
    }
    return result!;
  }

  /**
   * Predicts many. An instance that is refused leaves the others untouched: its place in the answer
   * has the error.
   */
  predictAll(instances: readonly Instance[]): (Prediction | PredictError)[] {
    try {
      const results = this.#exports.predict(instances.map(raw));
      return results.map((result) => (result.tag === 'ok' ? result.val : ofInterface(result.val)));
    } catch (thrown) {
      throw ofThrown(thrown);
    }
  }

  /** Runs the graph on raw tensors, past features, labels and actions. */
  infer(inputs: Tensor[]): Tensor[] {
    try {
      return this.#exports.infer(inputs);
    } catch (thrown) {
      throw ofThrown(thrown);
    }
  }

  /** The names of the package's reference cases. */
  get caseNames(): string[] {
    return this.source.caseNames;
  }

  /** Predicts a reference case and compares every bit with what it expects. */
  verifyCase(index: number): CaseResult {
    const name = this.caseNames[index] ?? `case ${index}`;
    let prediction;
    try {
      prediction = this.predict(new JsonText(this.source.caseInput(index) ?? ''));
    } catch (thrown) {
      const found = ofThrown(thrown).message;
      return { name, differences: [{ part: 'answer', found }] };
    }
    const { json, label, score, action, outputs } = prediction;
    const answer = new Answer(json, label, score, action);
    for (const { name, elementType, data } of outputs) {
      answer.output(name, ELEMENT_SIZE[elementType] ?? 1, data);
    }
    const differences = this.source.caseDifferences(index, answer).map((difference) => {
      const { part, expected, found } = difference;
      difference.free();
      return {
        part,
        ...(expected !== undefined && { expected }),
        ...(found !== undefined && { found }),
      };
    });
    answer.free();
    return { name, differences, prediction };
  }

  /** Predicts every reference case. */
  verify(): CaseResult[] {
    return this.caseNames.map((_, index) => this.verifyCase(index));
  }
}

/** What people and proofs need of a package that was checked. */
function read(files: PackageFile[]): ModelPackage {
  const reader = new PackageReader(files.find(({ path }) => path === MANIFEST)!.content);
  for (const { path, content } of files.filter(({ path }) => reader.wants(path))) {
    reader.add(path, content);
  }
  return reader.finish();
}

/** Each member lies in an ensemble as the package that it is. */
function membersOf(source: ModelPackage, files: PackageFile[]): Member[] {
  const named: { name: string }[] = JSON.parse(source.manifest).ensemble?.members ?? [];
  return named.map(({ name }) => {
    const folder = `members/${name}/`;
    const inside = files.filter(({ path }) => path.startsWith(folder));
    const own = inside.map(({ path, content }) => ({ path: path.slice(folder.length), content }));
    return { name, source: read(own) };
  });
}

function raw(instance: Instance): RawInstance {
  if (typeof instance === 'string') {
    return { tag: 'text', val: instance };
  }
  if (instance instanceof Uint8Array) {
    return { tag: 'image', val: instance };
  }
  const text = instance instanceof JsonText ? instance.text : JSON.stringify(instance);
  return { tag: 'json', val: text };
}

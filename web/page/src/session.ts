/** A loaded model, and the latest question to it. */

import type { Progress } from '../../package/dist/index.js';
import type { Engine } from './engine.js';
import { examplesOf } from './examples.js';
import type { Manifest } from './manifest.js';
import type { Bundled, Example, Input, Opened, Origin, Policy, Predicted, Signature } from './protocol.js';

/** How long a prediction may take before its worker is stopped, in milliseconds. */
const PATIENCE = 60_000;

/** An answer and what was asked. */
export interface Answered extends Predicted {
  input: Input;
}

/** One model in one worker. */
export class Session extends EventTarget {
  readonly manifest: Manifest;
  /** The manifests of the packages that prepare an input: an ensemble's members, or the package itself. */
  readonly parts: Manifest[];
  /** The latest answer. */
  answered: Answered | undefined;
  /** Milliseconds of the latest predictions. */
  readonly times: number[] = [];
  #judged: Promise<Signature> | undefined;
  #busy = false;
  #next: (() => Promise<void>) | undefined;

  private constructor(
    readonly engine: Engine,
    readonly key: string,
    readonly opened: Opened,
    readonly bundled: Bundled | undefined,
    /** Inputs to begin with. */
    readonly examples: Example[],
  ) {
    super();
    this.manifest = JSON.parse(opened.description.manifest);
    const members = opened.members.map(({ manifest }): Manifest => JSON.parse(manifest));
    this.parts = members.length > 0 ? members : [this.manifest];
  }

  /** Loads a package. */
  static async open(
    engine: Engine,
    key: string,
    origin: Origin,
    bundled?: Bundled,
    onProgress?: (progress: Progress) => void,
  ): Promise<Session> {
    // A download may take as long as it takes; a package of the visitor's own is here already.
    const limit = origin.kind === 'bundled' ? {} : { limit: 2 * PATIENCE };
    const opened = await engine.call('open', { key, origin }, { onProgress, ...limit });
    const published = bundled?.examples ?? [];
    const examples = published.length > 0 ? published : await examplesOf(engine, key, opened);
    return new Session(engine, key, opened, bundled, examples);
  }

  /** Predicts. */
  async predict(input: Input, look = false): Promise<Answered> {
    const take = { key: this.key, input, look };
    const predicted = await this.engine.call('predict', take, { limit: PATIENCE });
    this.answered = { ...predicted, input };
    this.times.push(predicted.milliseconds);
    this.times.splice(0, this.times.length - 100);
    this.dispatchEvent(new Event('answered'));
    return this.answered;
  }

  /** Judges the signature by the policy that was published with the page. A good one stays good. */
  judge({ text: policy }: Policy): Promise<Signature> {
    this.#judged ??= this.engine.call('checkSignature', { key: this.key, policy });
    this.#judged.catch(() => (this.#judged = undefined));
    return this.#judged;
  }

  /**
   * Does `work` when what is under way is done. Of several that wait only the last is done: it is
   * the only one that anybody still wants to see.
   */
  latest(work: () => Promise<void>): void {
    if (this.#busy) {
      this.#next = work;
      return;
    }
    this.#busy = true;
    void work().finally(() => {
      this.#busy = false;
      const next = this.#next;
      this.#next = undefined;
      if (next) {
        this.latest(next);
      }
    });
  }
}

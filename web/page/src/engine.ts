/** The page's side of a worker: calls, progress, and an end for what takes too long. */

import type { Progress } from '../../package/dist/index.js';
import { withResolvers } from './resolvers.js';
import type { Calls, Failure, Reply, Site, Started } from './protocol.js';

/** A call that failed, with the sandbox's own words. */
export class CallError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

interface Waiting {
  resolve(give: never): void;
  reject(error: Error): void;
  onProgress: ((progress: Progress) => void) | undefined;
}

/** A worker with the component in it. */
export class Engine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #ended: CallError | undefined;

  constructor(private readonly site: Site) {
    this.#worker = new Worker(site.worker, { type: 'module', name: 'predictor' });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#reply(data);
    this.#worker.onerror = (event) => {
      this.end(event.message || 'the worker could not be started');
    };
  }

  /** Compiles the component, or takes it over from another worker. */
  start(onProgress?: (progress: Progress) => void, module?: Started): Promise<Started> {
    const take = { site: this.site, base: document.baseURI, ...(module && { module }) };
    return this.call('start', take, { onProgress });
  }

  /**
   * Calls the worker. A call that takes longer than `limit` milliseconds ends the worker, and with
   * it every other call.
   */
  call<Name extends keyof Calls>(
    name: Name,
    take: Calls[Name]['take'],
    how: { onProgress?: ((progress: Progress) => void) | undefined; limit?: number } = {},
  ): Promise<Calls[Name]['give']> {
    if (this.#ended) {
      return Promise.reject(this.#ended);
    }
    const id = this.#next++;
    const { promise, resolve, reject } = withResolvers<Calls[Name]['give']>();
    this.#waiting.set(id, { resolve, reject, onProgress: how.onProgress });
    this.#worker.postMessage({ id, name, take });
    if (how.limit !== undefined) {
      const seconds = how.limit / 1000;
      const late = () => this.end(`stopped: no answer within ${seconds} s`);
      const timer = setTimeout(late, how.limit);
      const stop = () => clearTimeout(timer);
      promise.then(stop, stop);
    }
    return promise;
  }

  /** Stops the worker, whatever it is at. */
  end(why: string): void {
    this.#worker.terminate();
    this.#ended ??= new CallError({ kind: 'internal', code: 'stopped', message: why });
    for (const { reject } of this.#waiting.values()) {
      reject(this.#ended);
    }
    this.#waiting.clear();
  }

  /** Whether it has been stopped. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  #reply(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (reply.kind === 'progress') {
      waiting?.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.kind === 'done') {
      waiting?.resolve(reply.give as never);
    } else {
      waiting?.reject(new CallError(reply.failure));
    }
  }
}

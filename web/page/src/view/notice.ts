/** What went wrong, or what is worth knowing, in the place where it belongs. */

import { CallError } from '../engine.js';
import { el } from '../dom.js';

/** A line that holds its place, empty or not. */
export class Notice {
  readonly root = el('p', { class: 'notice', role: 'status' });

  /** Says that something failed. */
  fail(error: unknown): void {
    const problem = error instanceof CallError ? error.failure : undefined;
    const message = problem?.message ?? (error instanceof Error ? error.message : String(error));
    this.#show('failed', message, problem && problem.code !== 'internal' ? problem.code : undefined);
  }

  /** Says what the caller should know. */
  warn(messages: readonly string[]): void {
    if (messages.length === 0) {
      this.clear();
    } else {
      this.#show('warned', messages.join('; '));
    }
  }

  /** Says that something holds. */
  good(message: string): void {
    this.#show('good', message);
  }

  /** Says how things are. */
  say(message: string): void {
    this.#show('said', message);
  }

  /** Says nothing. */
  clear(): void {
    this.#show('', '');
  }

  #show(kind: string, message: string, code?: string): void {
    this.root.className = `notice ${kind}`;
    this.root.replaceChildren(message, ...(code ? [' ', el('code', {}, code)] : []));
  }
}

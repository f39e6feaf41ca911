/** A text as the model reads it: its tokens. */

import { el } from '../dom.js';
import type { Seen } from '../protocol.js';
import { counted, list } from '../text.js';

/** Tokens beyond these are counted, not shown. */
const MOST = 120;

/** One row of tokens, or one for each way in which members cut a text. */
export class Tokens {
  readonly root = el('div', { class: 'token-all' });

  constructor() {
    this.clear();
  }

  /** Shows the tokens that the graphs were given. */
  show(seen: Seen[]): void {
    const texts = seen.flatMap((it) => (it.kind === 'tokens' ? [it] : []));
    if (texts.length === 0) {
      this.clear();
      return;
    }
    const frames = texts.map(({ by, tokens }) => {
      const count = counted(tokens.length, 'token');
      return frame(by.length === 0 ? count : `${count} for ${list(by)}`, tokens);
    });
    this.root.replaceChildren(...frames);
  }

  /** Shows no tokens yet. */
  clear(): void {
    this.root.replaceChildren(frame('Tokens', []));
  }
}

function frame(title: string, tokens: string[]): HTMLElement {
  const shown = tokens.slice(0, MOST).map((token) => {
    const special = /^(\[.*\]|<.*>)$/.test(token);
    const continues = token.startsWith('##');
    const kind = special ? 'special' : continues ? 'continues' : '';
    return el('span', { class: `token ${kind}` }, continues ? token.slice(2) : token);
  });
  const more = tokens.length - shown.length;
  const rest = more > 0 ? [` and ${more} more`] : [];
  const row = el('p', { class: 'tokens', tabindex: 0, role: 'group', 'aria-label': title }, ...shown, ...rest);
  return el('div', { class: 'token-frame' }, el('h3', {}, title), row);
}

/** What a classification said, in a line: its label, and how sure it is. */

import type { Prediction } from '../../../package/dist/index.js';
import { el } from '../dom.js';
import type { Manifest } from '../manifest.js';
import { percent } from '../text.js';

/** The label and its share. A label for the unsure has none of its own: then the likeliest one is named. */
export function said({ output }: Manifest, { label }: Prediction, shares: Float32Array): Node[] {
  const most = shares.indexOf(Math.max(...shares));
  const likeliest = output.labels?.[most];
  const share = percent(shares[most] ?? 0);
  const how = label === likeliest ? ` ${share}` : ` unsure: ${likeliest} ${share}`;
  return [el('strong', {}, label ?? ''), document.createTextNode(how)];
}

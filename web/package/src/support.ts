/** The Rust beside the component: packages, digests, comparisons, pictures. */

import initialise from './generated/support.js';
import { opened, type Reading } from './read.js';

export * from './generated/support.js';

let ready: Promise<void> | undefined;

/** Makes the functions of this module usable. `url` is where its WebAssembly lies. */
export function support(
  url: URL = new URL('./generated/support_bg.wasm', import.meta.url),
  reading: Reading = {},
): Promise<void> {
  ready ??= opened(url, reading).then(async (response) => {
    await initialise({ module_or_path: await response.arrayBuffer() });
  });
  return ready;
}

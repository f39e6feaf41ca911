// Where things lie.

import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const WEB = at('web');
export const COMPONENT = at('target/component/predictor.wasm');
/** What `web-bindgen` wrote. */
export const BINDINGS = at('target/web/bindings');
/** Made files that the sources of the npm package import. */
export const GENERATED = at('web/package/src/generated');
/** Made files that the sources of the page import. */
export const TRUST = at('web/page/src/generated');
export const DIST = at('web/package/dist');
export const SITE = at('target/web/site');
/** Compressed files by the digest of what they hold: the component takes a minute. */
export const COMPRESSED = at('target/web/compressed');
export const MODELS = at('models');

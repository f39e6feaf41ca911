// Builds the npm package and the page: `cargo xtask web` runs it, once the component and the
// bindings of web-support are there.
//
//     node build/main.mjs [--plain] [--package FOLDER]…
//
// Writes `package/dist` and `target/web/site`. Each --package adds a model package to the bundled
// ones for a look at it; --plain leaves out the compressed twins.

import { readFile, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { compress } from './compress.mjs';
import { models } from './models.mjs';
import { npmPackage } from './package.mjs';
import { page } from './page.mjs';
import { COMPONENT, SITE } from './paths.mjs';
import { transpiled } from './transpile.mjs';

const options = { package: { type: 'string', multiple: true }, plain: { type: 'boolean' } };
const { values } = parseArgs({ options });
const component = await readFile(COMPONENT).catch(() => {
  throw new Error(`no component at ${COMPONENT}; build it with \`cargo xtask component\``);
});
const envelope = await transpiled(component);
await npmPackage();
await rm(SITE, { recursive: true, force: true });
await page(envelope, await models(values.package ?? []));
for (const { name, plain, gzip, brotli } of values.plain ? [] : await compress()) {
  const kilobytes = (bytes) => (bytes / 1e3).toFixed(0).padStart(7);
  const packed = `gzip ${kilobytes(gzip)}${brotli ? `, brotli ${kilobytes(brotli)}` : ''}`;
  console.log(`${kilobytes(plain)} KB, ${packed}  ${name}`);
}
console.log(`the page is in ${SITE}`);

// Builds the npm package and the page: `cargo xtask web` runs it, once the component and the
// bindings of web-support are there.
//
//     node build/main.mjs [--package FOLDER]… [--trust FILE] [--output FOLDER] [--plain]
//
// Writes `package/dist` and the page, into `target/web/site` if not told otherwise. Each --package
// adds a model package to the bundled ones, or takes the place of the one with its name. --trust
// publishes a public key, root certificates or a trust policy with the page, by which it checks its
// packages. --plain leaves out the compressed twins.

import { readFile, rm } from 'node:fs/promises';

import { compress } from './compress.mjs';
import { models } from './models.mjs';
import { OUTPUT, options } from './options.mjs';
import { npmPackage } from './package.mjs';
import { page } from './page.mjs';
import { COMPONENT } from './paths.mjs';
import { transpiled } from './transpile.mjs';
import { judge, policyIn } from './trust.mjs';

// What somebody did wrong is a sentence; what is wrong here comes with its place.
process.on('uncaughtException', (error) => {
  console.error(error.constructor === Error ? `error: ${error.message}` : error);
  process.exit(1);
});

const policy = options.trust && (await policyIn(options.trust));
const component = await readFile(COMPONENT).catch(() => {
  throw new Error(`no component at ${COMPONENT}; build it with \`cargo xtask component\``);
});
const envelope = await transpiled(component);
await npmPackage();
await rm(OUTPUT, { recursive: true, force: true });
const shown = await models(options.package);
if (policy) {
  await judge(options.trust, policy, shown);
}
await page(envelope, shown, policy);
for (const { name, plain, gzip, brotli } of options.plain ? [] : await compress(OUTPUT)) {
  const kilobytes = (bytes) => (bytes / 1e3).toFixed(0).padStart(7);
  const packed = `gzip ${kilobytes(gzip)}${brotli ? `, brotli ${kilobytes(brotli)}` : ''}`;
  console.log(`${kilobytes(plain)} KB, ${packed}  ${name}`);
}
console.log(`the page is in ${OUTPUT}`);

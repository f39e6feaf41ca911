// The npm package in somebody's page: installed from its archive, bundled by Vite, run in Chromium.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { build, createServer, preview } from 'vite';

import { startChromium } from './browsers.mjs';
import { root } from './site.mjs';

const run = promisify(execFile);
/** Somebody's page: the README's lines, and what came of them as the title. */
const MAIN = `
import { loadModel } from 'samebits';
try {
  const model = await loadModel('/fraud');
  const transaction = await (await fetch('/suspicious.json')).json();
  const { score, label, action } = model.predict(transaction);
  const same = model.verify().every(({ differences }) => differences.length === 0);
  document.title = [score, label, action, same].join(' ');
} catch (error) {
  document.title = 'failed: ' + error.message;
}
`;

let folder;
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-vite-'));
  const { stdout } = await run('npm', ['pack', root('web/package'), '--json'], { cwd: folder });
  const [{ filename }] = JSON.parse(stdout);
  await writeFile(join(folder, 'package.json'), '{"type":"module","private":true}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', `./${filename}`], { cwd: folder });
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>waits</title><script type="module" src="/main.js"></script>');
  await writeFile(join(folder, 'main.js'), MAIN);
  await mkdir(join(folder, 'public'));
  await cp(root('models/fraud/package'), join(folder, 'public/fraud'), { recursive: true });
  await cp(root('models/fraud/examples/suspicious.json'), join(folder, 'public/suspicious.json'));
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

async function titled(url) {
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForFunction(() => document.title !== 'waits', undefined, { timeout: 60_000 });
  const title = await page.title();
  await page.close();
  return title;
}

const EXPECTED = /^0\.985823\d+ fraud block true$/;
const settings = () => ({ root: folder, logLevel: 'error', configFile: false });

test('as built', async () => {
  await build(settings());
  const server = await preview({ ...settings(), preview: { port: 0, host: '127.0.0.1' } });
  assert.match(await titled(server.resolvedUrls.local[0]), EXPECTED);
  await server.close();
});

test('while somebody develops', async () => {
  // The README says it: Vite must not move the package away from its two WebAssembly files.
  const optimizeDeps = { exclude: ['samebits'] };
  const server = await createServer({ ...settings(), optimizeDeps, server: { port: 0, host: '127.0.0.1' } });
  await server.listen();
  assert.match(await titled(server.resolvedUrls.local[0]), EXPECTED);
  await server.close();
});

// The page and real servers: `host-cli serve`, and the function behind a URL in the Lambda emulator.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { hostCli, program, started } from './native.mjs';
import { root, SHOTS, site } from './site.mjs';
import { accessible, chromium, DESKTOP, PHONE, reads } from './visitor.mjs';

const SITE = root('target/web/site');
const LIST = await site();
const it = chromium();
const { visit } = it;
let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'samebits-servers-'))));
after(() => rm(folder, { recursive: true, force: true }));

/** The page that compares, at a model and its first reference case. */
async function comparing(model, url, options = DESKTOP) {
  const visitor = await visit('compare.html', options, url);
  const { page } = visitor;
  await page.getByLabel('Model').selectOption(model);
  const { cases } = JSON.parse(await readFile(root(`models/${model}/package/reference-cases.json`), 'utf8'));
  await page.locator('#input option', { hasText: cases[0].name }).first().waitFor({ state: 'attached' });
  await page.getByLabel('Input').selectOption({ label: cases[0].name });
  const ask = async (endpoint, expected) => {
    await page.locator('#endpoint').fill(endpoint);
    await page.getByRole('button', { name: 'Ask both' }).click();
    await reads(page.locator('.notice'), expected);
  };
  return { ...visitor, ask };
}

test('every model has the same bits in the tab and at host-cli serve', async () => {
  const origin = new URL(it.served.url).origin;
  const server = await started('serve', '--port', '0', '--cors', origin, '--quiet');
  try {
    for (const { name } of LIST.models) {
      const { page, ask, leave } = await comparing(name);
      await ask(server.url, /^The same to the last bit\. Package and component have the same digests on both sides\.$/);
      assert.equal(await page.locator('.answers .card').count(), 2);
      assert.equal(await page.locator('.bits .differs').count(), 0);
      if (name === 'fraud') {
        await accessible(page, 'compare');
        await page.screenshot({ path: `${SHOTS}/compare.png`, fullPage: true });
      }
      await leave();
    }
    const { page, ask, leave } = await comparing('fraud', undefined, PHONE);
    await ask(server.url, /^The same/);
    await page.screenshot({ path: `${SHOTS}/compare-phone.png`, fullPage: true });
    await leave();
  } finally {
    await server.stop();
  }
});

test('host-cli serve serves the page, which compares itself with it', async () => {
  const server = await started('serve', 'fraud', '--port', '0', '--static', SITE, '--quiet');
  try {
    const { page, leave } = await visit('index.html#fraud', DESKTOP, server.url);
    await reads(page.locator('#fraud .gauge .number'), /^0\.986$/);
    await page.locator('#run-cases').click();
    await reads(page.locator('.proof .result'), /every bit the same/);
    await page.getByRole('link', { name: 'Compare it with a server' }).click();
    // The server that the page came from is the one that is asked, and the last input is handed over.
    await page.locator('#input option', { hasText: 'Your last input' }).waitFor({ state: 'attached' });
    assert.equal(await page.locator('#endpoint').inputValue(), new URL(server.url).origin);
    await page.getByRole('button', { name: 'Ask both' }).click();
    await reads(page.locator('.notice'), /^The same to the last bit/);
    await leave();
  } finally {
    await server.stop();
  }
});

test('a server that runs other bytes is told from one that has the same', async () => {
  // The same graph under another version: another package, with the same answers.
  const other = join(folder, 'package');
  await hostCli('package', root('models/digits/package/model.onnx'), '--task', 'tensors', '--name', 'fraud', '--output', other);
  const server = await started('serve', other, '--port', '0', '--cors', '*', '--quiet');
  try {
    const { context, page, ask } = await comparing('fraud');
    await ask(server.url, /answered 4\d\d: .*is not an input of the graph/);
    assert.equal(await page.locator('.answers .card').count(), 1);
    await context.close();
  } finally {
    await server.stop();
  }
});

test('addresses that lead nowhere are told apart', async () => {
  const closed = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const silent = await started('serve', 'digits', '--port', '0', '--quiet');
  try {
    const { context, ask } = await comparing('fraud');
    await ask('nowhere', /“nowhere” is no URL/);
    await ask('ftp://localhost/', /not an address of a server/);
    await ask('http://192.0.2.1:8080', /is asked by https:\/\/ only/);
    await ask(`http://127.0.0.1:${closed}`, /nothing answers at .*host-cli serve --cors/);
    await ask(silent.url, /is there, but does not let this page read its answers \(CORS\)/);
    await ask(it.served.url, /answered 404, and no JSON|answered 404/);
    await context.close();
  } finally {
    await silent.stop();
  }
  const digits = await started('serve', 'digits', '--port', '0', '--cors', '*', '--quiet');
  try {
    const { context, ask } = await comparing('fraud');
    await ask(digits.url, /answered 404: .*fraud/);
    await context.close();
  } finally {
    await digits.stop();
  }
});

test('the function behind a URL gives the same bits', async () => {
  await cp(program('bootstrap'), join(folder, 'bootstrap'));
  const model = join(folder, 'model');
  await hostCli('bake', 'fraud', '--output', model);
  const origin = new URL(it.served.url).origin;
  const variables = [`SAMEBITS_MODEL=${model}`, `SAMEBITS_CORS=${origin}`];
  const emulator = await started(
    'emulate', join(folder, 'bootstrap'), '--memory', '512', '--timeout', '20', '--door', 'url',
    ...variables.flatMap((variable) => ['--env', variable]),
  );
  try {
    const { ask, leave } = await comparing('fraud');
    await ask(emulator.url, /^The same to the last bit\./);
    await leave();
  } finally {
    await emulator.stop();
  }
});

// Models of the visitor's own, dropped into the page: packages, signed packages, bare ONNX files, and
// what is none of them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { hostCli } from './native.mjs';
import { graph, initializer } from './onnx.mjs';
import { filesOf, root, SHOTS, tar } from './site.mjs';
import { DIGITS } from './strokes.mjs';
import { accessible, chromium, draw, drop, fits, PHONE, reads } from './visitor.mjs';

const NOTICE = '#own > div > .own > .notice';
const it = chromium();
const { visit } = it;
let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), 'samebits-own-'))));
after(() => rm(folder, { recursive: true, force: true }));

const fraudFiles = () => filesOf(root('models/fraud/package'));

test('a package of one’s own runs; hostile files are refused', async () => {
  const { page, leave } = await visit('#own');
  const notice = page.locator(NOTICE);
  const files = await fraudFiles();
  const changed = (path, change) =>
    files.map((file) => (file.path === path ? { path, content: change(Buffer.from(file.content)) } : file));
  const flipped = changed('model.onnx', (bytes) => {
    bytes[bytes.length >> 1] ^= 1;
    return bytes;
  });
  const archive = (files) => [{ name: 'model.tar', bytes: tar(files) }];
  const rows = [
    [[{ name: 'noise.tar', bytes: Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919) & 255)) }], /no package/],
    [[{ name: 'empty.tar', bytes: Buffer.alloc(0) }], /is empty/],
    [[{ name: 'cut.tar', bytes: tar(files).subarray(0, 30_000) }], /no package|says|bytes|size/],
    [archive(flipped), /digest/],
    [archive([{ path: '../../etc/passwd', content: Buffer.from('x') }]), /not a path/],
    [archive([{ path: 'link', content: Buffer.alloc(0), kind: '2' }]), /plain files only/],
    [archive([...files, { path: 'extra', content: Buffer.from('x') }]), /not named/],
    [archive(files.filter(({ path }) => path !== 'model.onnx')), /missing/],
    [archive(changed('manifest.json', () => Buffer.from('{"a":'))), /manifest\.json/],
    [archive(changed('manifest.json', () => Buffer.from('['.repeat(200_000)))), /manifest\.json/],
    [Array.from({ length: 70 }, (_, at) => ({ name: `f${at}`, bytes: Buffer.from('x') })), /more than 64/],
  ];
  for (const [dropped, expected] of rows) {
    await drop(page, dropped);
    await reads(notice, expected);
    assert.equal(await notice.getAttribute('class'), 'notice failed', String(expected));
  }
  // A press on the place asks for files, as the button does.
  const asked = page.waitForEvent('filechooser');
  await page.locator('#own .zone').first().click();
  const path = join(folder, 'fraud.tar');
  await writeFile(path, tar(files));
  await (await asked).setFiles(path);
  await reads(page.locator('#own .gauge .number'), /^\d/);
  await drop(page, archive(files));
  await reads(page.locator('#own .gauge .number'), /^\d/);
  await reads(page.locator('#proof'), /your own/);
  await page.screenshot({ path: `${SHOTS}/own.png`, fullPage: true });
  await drop(page, files.map(({ path, content }) => ({ name: path, bytes: content })));
  await reads(page.locator('#own .gauge .number'), /^\d/);
  await leave();
});

test('a bare ONNX file is described, gets a form, and gives the bits of the command line', async () => {
  const { page, leave } = await visit('#own');
  const own = page.locator('#own');
  await drop(page, [{ name: 'Digits_v1.onnx', bytes: await readFile(root('models/digits/package/model.onnx')) }]);
  await reads(own.locator('.own-model h3').first(), /^digits-v1 1\.0\.0$/);
  await reads(own.locator('.verdict'), /^Ran in /);
  await reads(own.locator('.output'), /mean/);
  await page.screenshot({ path: `${SHOTS}/own-graph.png`, fullPage: true });
  await accessible(page, 'a bare graph');
  await leave();
});

test('the form of a bare graph: extents, values of one’s own, and what is wrong with them', async () => {
  const { page, leave } = await visit('#own', PHONE);
  const own = page.locator('#own');
  const bytes = graph({ operator: 'Sigmoid', shape: ['N', 3] });
  await drop(page, [{ name: 'tiny.onnx', bytes }]);
  await reads(own.locator('.verdict'), /^Ran in /);
  await own.getByLabel('Extent N').fill('2');
  await own.getByLabel('x', { exact: true }).fill('1 -2.5, 3\n0 0.1 1e3');
  await own.getByRole('button', { name: 'Run' }).click();
  await reads(page.locator('.proof .json'), /^\{"y":\[\[.*\],\[0\.5,/);
  const answer = await page.locator('.proof .json').innerText();

  // The command line says the same, to the last decimal.
  await writeFile(join(folder, 'tiny.onnx'), bytes);
  const input = join(folder, 'tiny.json');
  await writeFile(input, '{"x":[[1,-2.5,3],[0,0.1,1000]]}');
  const output = join(folder, 'tiny');
  await hostCli('package', join(folder, 'tiny.onnx'), '--task', 'tensors', '--output', output);
  const { y } = JSON.parse(await hostCli('predict', '--model', output, input));
  assert.deepEqual(JSON.parse(answer).y, y);

  const rows = [
    ['1 2', /x: expected 6 values for the shape \[2, 3\], found 2/],
    ['1 2 3 4 5 six', /x: "six" is no number/],
    ['[[1, 2', /x: not JSON/],
    ['[[1, 2, 3], [4, 5]]', /x.*expected 3 elements/],
    ['[[1, 2], [3, 4]]', /x/],
    ['[["a", "b", "c"]]', /expected a number/],
  ];
  for (const [text, expected] of rows) {
    await own.getByLabel('x', { exact: true }).fill(text);
    await own.getByRole('button', { name: 'Run' }).click();
    await reads(own.locator('.sides .notice.failed'), expected);
  }
  await own.getByLabel('x: values').selectOption('ones');
  await own.getByRole('button', { name: 'Run' }).click();
  await reads(own.locator('.verdict'), /^Ran in /);
  await own.getByLabel('Extent N').fill('999999');
  await own.getByRole('button', { name: 'Run' }).click();
  await reads(own.locator('.sides .notice.failed'), /2,999,997 values; this form makes at most 2,000,000/);
  await fits(page, 'a bare graph on a phone');
  const long = `${'averylongnamewithoutanybreak'.repeat(4)}.onnx`;
  await drop(page, [{ name: long, bytes: graph({ shape: ['averylongnameofanextentwithoutanybreakinit', 3] }) }]);
  await reads(own.locator('.own-model'), / bytes · 1 operator/);
  await reads(own.locator('.verdict'), /^Ran in /);
  await fits(page, 'long names on a phone');
  await leave();
});

test('files that are no graph are refused with what to do, and the page goes on', async () => {
  const { page, leave } = await visit('#own');
  const digits = await readFile(root('models/digits/package/model.onnx'));
  const one = (name, bytes) => [{ name, bytes: Buffer.from(bytes) }];
  const weights = (options, dims = [2]) => graph({ operator: 'Add', inputs: ['x', 'w'], initializers: [initializer('w', dims, options)] });
  const rows = [
    [one('empty.onnx', ''), /empty\.onnx is empty/],
    [one('noise.onnx', Array.from({ length: 4096 }, (_, at) => (at * 7919) & 255)), /not an ONNX model, or cut short/],
    [one('cut.onnx', digits.subarray(0, digits.length >> 1)), /not an ONNX model, or cut short/],
    [one('net.pt', 'PK\x03\x04rest'), /zip archive.*export the model to ONNX/],
    [one('model.onnx', 'PK\x03\x04rest'), /zip archive/],
    [one('forest.pkl', [0x80, 4, 1, 2]), /pickle.*skl2onnx/],
    [one('lfs.onnx', 'version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    [one('page.onnx', '<!DOCTYPE html><html></html>'), /web page/],
    [one('odd.onnx', graph({ operator: 'Quux' })), /1 operators of the graph are not supported: ai\.onnx\.Quux \(opset 17/],
    [one('large.onnx', graph({ shape: [1n << 40n] })), /the input "x"/],
    [one('negative.onnx', weights({}, [-1n])), /initializer "w"/],
    [one('promise.onnx', weights({}, [1n << 30n])), /initializer "w"/],
    [one('elsewhere.onnx', weights({ external: 'weights.bin' })), /lies in another file/],
    [one('loose.onnx', graph({ inputs: ['x', 'nothing'] })), /uses "nothing"/],
    [[...one('a.onnx', digits), ...one('b.onnx', digits)], /2 ONNX files and no manifest\.json/],
    [[...one('a.onnx', digits), ...one('a.onnx.data', 'x')], /weights of a\.onnx lie in a\.onnx\.data/],
  ];
  for (const [dropped, expected] of rows) {
    await drop(page, dropped);
    await page.locator(`${NOTICE}.failed`).filter({ hasText: expected }).waitFor({ timeout: 30_000 }).catch(async () => {
      assert.match(await page.locator(NOTICE).innerText(), expected, dropped[0].name);
    });
  }
  await drop(page, one('model.onnx', digits));
  await reads(page.locator('#own .verdict'), /^Ran in /);
  await leave();
});

test('a signature is checked with a key of the visitor’s', async () => {
  const key = join(folder, 'key.pem');
  const openssl = (...parameters) => promisify(execFile)('openssl', parameters);
  await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key);
  const publicKey = (await openssl('pkey', '-in', key, '-pubout')).stdout;
  const other = join(folder, 'other.pem');
  await openssl('genpkey', '-algorithm', 'ED25519', '-out', other);
  const otherKey = (await openssl('pkey', '-in', other, '-pubout')).stdout;
  const signed = join(folder, 'signed');
  const files = await fraudFiles();
  await promisify(execFile)('mkdir', ['-p', signed]);
  await Promise.all(files.map(({ path, content }) => writeFile(join(signed, path), content)));
  await hostCli('sign', signed, '--key', key);
  const signature = await readFile(join(signed, 'model.sig'));

  const { page, leave } = await visit('#own');
  await drop(page, [{ name: 'fraud.tar', bytes: tar([...files, { path: 'model.sig', content: signature }]) }]);
  await reads(page.locator('.proof .identity').last(), /says: by the key [0-9a-f]{64}, not checked yet/);
  const row = page.locator('.proof .identity').last();
  await row.getByText('Check it with a key that you trust').click();
  const check = async (text, expected) => {
    await row.getByRole('textbox').fill(text);
    await row.getByRole('button', { name: 'Check the signature' }).click();
    await reads(row.locator('.notice'), expected);
  };
  await check('', /trust policy|PEM/);
  await check('hello', /PEM/);
  await check(await readFile(key, 'utf8'), /private key/);
  await check(otherKey, /which the trust policy does not name/);
  await check(publicKey, /^signed by the key [0-9a-f]{64} \(ECDSA P-256\); 3 files as signed$/);
  const policy = (models) => JSON.stringify({ format: 'samebits-trust/1', rules: [{ models, keys: [publicKey] }] });
  await check(policy(['digits']), /does not trust with the model fraud/);
  await check(policy(['fraud']), /^signed by the key/);
  await accessible(page, 'a signature');
  await page.screenshot({ path: `${SHOTS}/signature.png`, fullPage: true });

  const changed = Buffer.from(signature.toString().replace(/"payload":"(.{40})./, (_, start) => `"payload":"${start}A`));
  assert.notDeepEqual(changed, signature);
  await drop(page, [{ name: 'fraud.tar', bytes: tar([...files, { path: 'model.sig', content: changed }]) }]);
  await reads(page.locator('.proof .identity').last(), /not checked yet/);
  await row.getByText('Check it with a key that you trust').click();
  await check(publicKey, /not valid/);
  await leave();
});

/** Drops a package's folder as one archive. */
async function dropFolder(page, folder) {
  await drop(page, [{ name: 'model.tar', bytes: tar(await filesOf(folder)) }]);
}

/** The digits package without the search for ink: another preparation of the same pictures. */
async function plainDigits() {
  const plain = join(folder, 'plain');
  await cp(root('models/digits/package'), plain, { recursive: true });
  await rm(join(plain, 'reference-cases.json'));
  const manifest = JSON.parse(await readFile(join(plain, 'manifest.json'), 'utf8'));
  const { ink, ...image } = manifest.input.image;
  const center_crop = { width: ink.size, height: ink.size };
  const resize = { shortest_edge: ink.size, filter: 'bilinear' };
  manifest.input.image = { ...image, resize, center_crop };
  manifest.files = manifest.files.filter(({ role }) => role !== 'reference-cases');
  await writeFile(join(plain, 'manifest.json'), JSON.stringify(manifest));
  return plain;
}

test('of two models that are dropped one after the other, the second is shown', async () => {
  const { page, leave } = await visit('#own');
  const own = page.locator('#own');
  const large = tar(await filesOf(root('models/sentiment/package')));
  const digits = await readFile(root('models/digits/package/model.onnx'));
  for (const first of [{ name: 'large.tar', bytes: large }, { name: 'noise.tar', bytes: Buffer.alloc(4096, 7) }]) {
    await drop(page, [first], [{ name: 'second.onnx', bytes: digits }]);
    await reads(own.locator('.verdict'), /^Ran in /);
    assert.equal(await own.locator('.own-model > h3').innerText(), 'second 1.0.0');
    assert.equal(await page.locator(NOTICE).innerText(), '');
  }
  await leave();
});

test('an ensemble of drawings is drawn for, and says what each member said', async () => {
  const ensemble = join(folder, 'both');
  const members = [`inked=${root('models/digits/package')}`, `plain=${await plainDigits()}`];
  await hostCli('ensemble', ...members, '-o', ensemble, '--combine', 'weighted', '--weights', '3,1');
  const { page, leave } = await visit('#own');
  const own = page.locator('#own');
  await dropFolder(page, ensemble);
  await reads(own.locator('.own-model'), /an ensemble of inked and plain/);
  await draw(page, DIGITS[3]);
  await reads(own.locator('.verdict').first(), /^3 /);
  const sheet = own.locator('.choice > .sides').first();
  await reads(sheet.locator('.opinions'), /inked\s*weight 3\s*3\s*[\d.]+ %\s*plain\s*weight 1/);
  // Each member sees the drawing by its own preparation.
  await reads(sheet.locator('.seen').first(), /What inked sees: 28 × 28/);
  await reads(sheet.locator('.seen').last(), /What plain sees: 28 × 28/);
  await accessible(page, 'an ensemble of drawings');
  await page.screenshot({ path: `${SHOTS}/own-ensemble.png`, fullPage: true });
  await own.getByRole('button', { name: 'Clear' }).click();
  await reads(own.locator('.verdict').first(), /^Nothing drawn yet$/);
  await reads(sheet.locator('.opinions'), /inked\s*weight 3\s*–/);

  // Its reference cases are samples, and a picture gets the bits of the command line.
  await own.getByRole('button', { name: 'Use a picture' }).click();
  await own.getByRole('button', { name: 'Sample: A 4 of MNIST' }).click();
  await reads(own.locator('.verdict').last(), /^4 /);
  const drawn = root('models/digits/examples/drawn.png');
  await own.locator('.choice input[type=file]').setInputFiles(drawn);
  await reads(own.locator('.verdict').last(), /^3 /);
  const { provenance: _, ...expected } = JSON.parse(await hostCli('predict', '--model', ensemble, drawn));
  assert.deepEqual(JSON.parse(await page.locator('.proof .json').innerText()), expected);
  await page.locator('#run-cases').click();
  await reads(page.locator('.proof .result'), /every bit the same/);
  await leave();
});

test('an ensemble of texts is typed for', async () => {
  const ensemble = join(folder, 'texts');
  const sentiment = root('models/sentiment/package');
  await hostCli('ensemble', `a=${sentiment}`, `b=${sentiment}`, '-o', ensemble, '--combine', 'average');
  const { page, leave } = await visit('#own', PHONE);
  const own = page.locator('#own');
  await dropFolder(page, ensemble);
  // It begins with its first reference case, and offers more of them.
  await reads(own.locator('.verdict'), /^positive /);
  assert.equal(await own.getByRole('textbox').inputValue(), 'not bad at all');
  await own.getByRole('textbox').fill('What an awful day.');
  await reads(own.locator('.verdict'), /^negative /);
  await reads(own.locator('.opinions'), /a\s*negative\s*[\d.]+ %\s*b\s*negative/);
  await reads(own.locator('.token-frame h3'), /tokens for a and b/);
  assert.equal(await own.locator('.token-frame').count(), 1);
  await fits(page, 'an ensemble of texts on a phone');
  await leave();
});

test('an ensemble of tables has presets, a dial and what pushed it', async () => {
  const ensemble = join(folder, 'tables');
  const fraud = root('models/fraud/package');
  await hostCli('ensemble', `a=${fraud}`, `b=${fraud}`, '-o', ensemble, '--combine', 'average');
  const { page, leave } = await visit('#own');
  const own = page.locator('#own');
  await dropFolder(page, ensemble);
  await reads(own.locator('.gauge .action'), /^allow$/);
  await reads(own.locator('.push-frame'), /Every field is as usual/);
  await own.getByRole('button', { name: 'Suspicious electronics abroad at night' }).click();
  await reads(own.locator('.gauge .action'), /^block$/);
  await reads(own.locator('.opinions'), /a\s*fraud\s*fraud score 0\.\d{3}\s*b\s*fraud/);
  await reads(own.locator('.pushes'), /Distance from home\s*[\d.]+ km, usual/);
  await leave();
});

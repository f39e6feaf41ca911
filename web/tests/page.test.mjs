// The page in Chromium, used as a person would.

import assert from 'node:assert/strict';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { startChromium } from './browsers.mjs';
import { root, serve, SHOTS, site, tar } from './site.mjs';
import { DIGITS } from './strokes.mjs';

const AXE = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const LIST = await site();
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const has = (name) => LIST.models.some((model) => model.name === name);

let browser;
let served;
before(async () => {
  await mkdir(SHOTS, { recursive: true });
  served = await serve();
  browser = await startChromium();
});
after(async () => {
  await browser?.close();
  served?.server.close();
  served?.server.closeAllConnections();
});

/** A fresh visitor at a tab; complaints of the page fail the test. */
async function visit(hash, options = DESKTOP) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${served.url}${hash}`);
  await page.locator('#status.ready').waitFor({ timeout: 60_000 });
  const leave = async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  };
  return { context, page, leave };
}

/** Waits until a text is there; the error has what was there instead. */
async function reads(locator, pattern) {
  await locator.filter({ hasText: pattern }).waitFor({ timeout: 30_000 }).catch(async () => {
    assert.match(await locator.first().innerText(), pattern);
  });
}

async function draw(page, strokes) {
  const box = await page.locator('.paper').boundingBox();
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
    await page.mouse.move(...points[0]);
    await page.mouse.down();
    for (const point of points.slice(1)) {
      await page.mouse.move(...point, { steps: 2 });
    }
    await page.mouse.up();
  }
}

test('ten drawn digits are read', { skip: !has('digits') }, async () => {
  const { page, leave } = await visit('#digits');
  const digits = page.locator('#digits');
  await digits.locator('.paper').waitFor();
  for (const [digit, strokes] of DIGITS.entries()) {
    await draw(page, strokes);
    await reads(digits.locator('.verdict').first(), new RegExp(`^${digit} `));
    if (digit === 8) {
      await page.screenshot({ path: `${SHOTS}/digits.png`, fullPage: true });
    }
    await digits.getByRole('button', { name: 'Clear' }).click();
    await reads(digits.locator('.verdict').first(), /^Nothing drawn yet$/);
  }
  await draw(page, DIGITS[4]);
  await digits.getByRole('button', { name: 'Undo' }).click();
  await digits.getByRole('button', { name: 'Undo' }).click();
  await reads(digits.locator('.verdict').first(), /^Nothing drawn yet$/);
  await leave();
});

test('a picture is chosen, a sample is taken, and what is no picture is refused', async () => {
  const { page, leave } = await visit('#digits');
  const digits = page.locator('#digits');
  await digits.getByRole('button', { name: 'Use a picture' }).click();
  const verdict = digits.locator('.verdict').last();
  const file = digits.locator('input[type=file]');
  await file.setInputFiles(root('models/digits/examples/drawn.png'));
  await reads(verdict, /^3 /);
  await file.setInputFiles(root('models/digits/examples/bad.png'));
  await reads(verdict, /^No answer$/);
  await reads(digits.locator('.notice.failed'), /picture|image|PNG/i);
  await digits.getByRole('button', { name: /^Sample: Small/ }).click();
  await reads(verdict, /^\d /);
  await leave();
});

test('a payment is scored, explained, and refused with a reason', async () => {
  const { page, leave } = await visit('#fraud');
  const fraud = page.locator('#fraud');
  await reads(fraud.locator('.gauge .number'), /^0\.986$/);
  await reads(fraud.locator('.gauge .action'), /^block$/);
  await reads(fraud.locator('.pushes'), /Distance from home km/);
  await page.screenshot({ path: `${SHOTS}/fraud.png`, fullPage: true });
  await fraud.getByRole('button', { name: 'Ordinary' }).click();
  await reads(fraud.locator('.gauge .action'), /^allow$/);
  await reads(fraud.locator('.push-frame'), /Every field is as usual/);
  await fraud.getByLabel('Amount', { exact: true }).fill('a lot');
  await reads(fraud.locator('.notice.failed'), /amount: expected a number/);
  assert.equal(await fraud.getByLabel('Amount', { exact: true }).getAttribute('aria-invalid'), 'true');
  await fraud.getByLabel('Amount', { exact: true }).fill('900');
  await reads(fraud.locator('.pushes'), /Amount/);
  await leave();
});

test('every other bundled model answers', async () => {
  for (const model of LIST.models.filter(({ name }) => !['digits', 'fraud'].includes(name))) {
    const { page, leave } = await visit(`#${model.name}`);
    const panel = page.locator(`#${model.name}`);
    if (model.task.startsWith('image')) {
      await panel.locator('input[type=file]').setInputFiles(root('models/digits/examples/drawn.png'));
    } else if (model.task.startsWith('text')) {
      await panel.getByRole('textbox').first().fill('What a wonderful day this is.');
      await panel.locator('.token').first().waitFor();
    }
    await reads(panel.locator('.verdict').first(), / %$|^Answered$/);
    await page.screenshot({ path: `${SHOTS}/${model.name}.png`, fullPage: true });
    await leave();
  }
});

test('every reference case has every bit in Chromium', async () => {
  const { page, leave } = await visit('');
  for (const { name } of LIST.models) {
    await page.locator(`#tab-${name}`).click();
    await reads(page.locator('.proof h3').last(), new RegExp(`Model card: ${name} `));
    await page.locator('#run-cases').click();
    await reads(page.locator('.proof .result'), /every bit the same/);
  }
  assert.equal(await page.locator('.proof .bad').count(), 0);
  await leave();
});

/** Puts files into the place for a visitor's own model, as a drop does. */
async function drop(page, files) {
  const named = files.map(({ name, bytes }) => [name, bytes.toString('base64')]);
  await page.locator('#own .zone').first().evaluate((zone, named) => {
    const transfer = new DataTransfer();
    for (const [name, text] of named) {
      const bytes = Uint8Array.from(atob(text), (it) => it.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    zone.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
  }, named);
}

async function fraudFiles() {
  const folder = root('models/fraud/package');
  const names = await readdir(folder);
  return Promise.all(
    names.map(async (path) => ({ path, content: await readFile(`${folder}/${path}`) })),
  );
}

test('a package of one’s own runs; hostile files are refused', async () => {
  const { page, leave } = await visit('#own');
  const notice = page.locator('#own > div > .own > .notice');
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
    [[{ name: 'empty.tar', bytes: Buffer.alloc(0) }], /missing|no package/],
    [[{ name: 'cut.tar', bytes: tar(files).subarray(0, 30_000) }], /no package|says|bytes|size/],
    [[{ name: 'model.onnx', bytes: files.find(({ path }) => path === 'model.onnx').content }], /bare graph/],
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
  await drop(page, archive(files));
  await reads(page.locator('#own .gauge .number'), /^\d/);
  await reads(page.locator('#proof'), /your own/);
  await page.screenshot({ path: `${SHOTS}/own.png`, fullPage: true });
  await drop(page, files.map(({ path, content }) => ({ name: path, bytes: content })));
  await reads(page.locator('#own .gauge .number'), /^\d/);
  await leave();
});

test('the page works offline after the first visit', async () => {
  const { context, page, leave } = await visit('#fraud');
  await page.locator('#fraud .gauge.decided').waitFor();
  await page.locator('#offline[data-state=ready]').waitFor();
  served.server.closeAllConnections();
  await context.setOffline(true);
  await page.reload();
  await page.locator('#status.ready').waitFor();
  await reads(page.locator('#status'), /from the cache/);
  await reads(page.locator('#fraud .gauge .number'), /^0\.986$/);
  await page.locator('#run-cases').click();
  await reads(page.locator('.proof .result'), /every bit the same/);
  await context.setOffline(false);
  await leave();
});

test('a damaged component is refused', async () => {
  const broken = await serve(0, (request, response) => {
    if (!request.url.includes('/predictor-')) {
      return false;
    }
    response.writeHead(200, { 'content-type': 'application/wasm' });
    response.end(Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]));
    return true;
  });
  const page = await browser.newPage();
  await page.goto(broken.url);
  await reads(page.locator('#status.failed'), /digest is sha256:.*published is sha256:/);
  await page.close();
  broken.server.close();
  broken.server.closeAllConnections();
});

test('a browser without vectors is told so', async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await page.goto(served.url);
  await reads(page.locator('#status.failed'), /simd128/);
  await page.close();
});

test('the policy holds: nothing but the page’s own origin, no script in the page', async () => {
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  const asked = new Set();
  context.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(served.url);
  await page.locator('#status.ready').waitFor();
  const refused = await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.intruder = true';
    document.body.append(script);
    const sent = await fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused');
    return [sent, globalThis.intruder === undefined];
  });
  assert.deepEqual(refused, ['refused', true]);
  assert.deepEqual([...asked].filter((origin) => !origin.startsWith('blob')), [new URL(served.url).origin]);
  await context.close();
});

for (const [name, options] of [
  ['light', { ...DESKTOP, colorScheme: 'light' }],
  ['dark', { ...DESKTOP, colorScheme: 'dark' }],
  ['phone', { ...PHONE, colorScheme: 'light' }],
]) {
  test(`axe finds nothing, nothing jumps, nothing sticks out: ${name}`, async () => {
    const { page, leave } = await visit('#digits', options);
    for (const tab of [...LIST.models.map(({ name }) => name), 'own']) {
      await page.locator(`#tab-${tab}`).click();
      if (tab !== 'own') {
        await page.locator(`#${tab} .side`).first().waitFor();
      }
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      assert.deepEqual(found, [], tab);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${tab} is ${wide} pixels too wide`);
      await page.screenshot({ path: `${SHOTS}/${tab}-${name}.png`, fullPage: true });
    }
    await leave();
  });
}

test('the layout stays where it is while the page loads', async () => {
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  await page.addInitScript(() => {
    globalThis.shifts = 0;
    globalThis.shifted = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        globalThis.shifts += entry.value;
        globalThis.shifted.push(...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 90)));
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`${served.url}#digits`);
  await page.locator('#status.ready').waitFor();
  await page.locator('#digits .paper').waitFor();
  const [shifts, shifted] = await page.evaluate(() => [globalThis.shifts, globalThis.shifted]);
  assert.ok(shifts < 0.02, `cumulative layout shift ${shifts}: ${shifted.join('\n')}`);
  await context.close();
});

test('the keyboard reaches everything', async () => {
  const { page, leave } = await visit('#digits');
  await page.locator('#tab-digits').focus();
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('[role=tab][aria-selected=true]').innerText(), 'Score a payment');
  await page.keyboard.press('End');
  assert.equal(await page.locator('[role=tab][aria-selected=true]').innerText(), 'Your own model');
  await page.keyboard.press('Home');
  assert.equal(await page.locator('[role=tab][aria-selected=true]').getAttribute('id'), 'tab-digits');
  await leave();
});

test('five hundred predictions take no more memory', async () => {
  const { page, leave } = await visit('#fraud');
  const fraud = page.locator('#fraud');
  await fraud.locator('.gauge.decided').waitFor();
  const session = await page.context().newCDPSession(page);
  const ask = (count) =>
    page.evaluate(async (count) => {
      const [ordinary, suspicious] = document.querySelectorAll('#fraud .presets button');
      const number = document.querySelector('#fraud .gauge .number');
      for (let at = 0; at < count; at++) {
        const before = number.textContent;
        const changed = new Promise((resolve) => {
          const observer = new MutationObserver(() => {
            if (number.textContent !== before) {
              observer.disconnect();
              resolve();
            }
          });
          observer.observe(number, { childList: true, characterData: true, subtree: true });
        });
        (at % 2 === 0 ? ordinary : suspicious).click();
        await changed;
      }
    }, count);
  const used = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await session.send('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  };
  await ask(20);
  const start = await used();
  await ask(500);
  const grown = (await used()) - start;
  assert.ok(grown < 4e6, `the page grew by ${grown} bytes`);
  await leave();
});

test('both answers side by side, to the last bit', async () => {
  // An endpoint as `host-cli serve` has it, which repeats a reference case's answer.
  const { cases } = JSON.parse(await readFile(root('models/fraud/package/reference-cases.json'), 'utf8'));
  let altered = false;
  const endpoint = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'content-type');
    if (request.method === 'OPTIONS') {
      response.end();
      return;
    }
    const answer = JSON.parse(cases[0].expected.json);
    answer.fraud_score += altered ? 1e-9 : 0;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...answer, provenance: { model: 'fraud' } }));
  });
  await new Promise((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  const context = await browser.newContext(DESKTOP);
  const page = await context.newPage();
  await page.goto(`${served.url}compare.html`);
  await page.getByLabel('Model').selectOption('fraud');
  await page.locator('#input option', { hasText: cases[0].name }).waitFor({ state: 'attached' });
  await page.getByLabel('Input').selectOption({ label: cases[0].name });
  await page.locator('#endpoint').fill(`http://127.0.0.1:${endpoint.address().port}`);
  await page.getByRole('button', { name: 'Ask both' }).click();
  await reads(page.locator('.notice'), /^The same to the last bit\.$/);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id }) => id), []);
  await page.screenshot({ path: `${SHOTS}/compare.png`, fullPage: true });
  altered = true;
  await page.getByRole('button', { name: 'Ask both' }).click();
  await reads(page.locator('.notice'), /differ/);
  await page.locator('#endpoint').fill('nowhere');
  await page.getByRole('button', { name: 'Ask both' }).click();
  await reads(page.locator('.notice'), /is no URL/);
  await context.close();
  endpoint.close();
  endpoint.closeAllConnections();
});

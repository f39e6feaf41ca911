// The page in Chromium, used as a person would.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { root, serve, SHOTS, site } from './site.mjs';
import { DIGITS } from './strokes.mjs';
import { accessible, chromium, DESKTOP, draw, fits, PHONE, reads, TABLET } from './visitor.mjs';

const LIST = await site();
const has = (name) => LIST.models.some((model) => model.name === name);

const it = chromium();
const { visit } = it;

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

test('a digit is drawn by finger and by pen', { skip: !has('digits') }, async () => {
  const { page, leave } = await visit('#digits', PHONE);
  const verdict = page.locator('#digits .verdict').first();
  await page.locator('.paper').scrollIntoViewIfNeeded();
  const box = await page.locator('.paper').boundingBox();
  const session = await page.context().newCDPSession(page);
  const place = ([x, y]) => ({ x: box.x + x * box.width, y: box.y + y * box.height });
  const finger = async (type, point) => {
    await session.send('Input.dispatchTouchEvent', { type, touchPoints: point ? [place(point)] : [] });
  };
  for (const [first, ...rest] of DIGITS[7]) {
    await finger('touchStart', first);
    for (const point of rest) {
      await finger('touchMove', point);
    }
    await finger('touchEnd');
  }
  await reads(verdict, /^7 /);
  assert.equal(await page.evaluate(() => scrollX), 0);
  await page.locator('#digits').getByRole('button', { name: 'Clear' }).tap();
  await reads(verdict, /^Nothing drawn yet$/);
  const pen = async (type, point) => {
    const how = { pointerType: 'pen', button: 'left', buttons: 1, clickCount: 1, force: 0.5 };
    await session.send('Input.dispatchMouseEvent', { type, ...place(point), ...how });
  };
  for (const stroke of DIGITS[3]) {
    await pen('mousePressed', stroke[0]);
    for (const point of stroke.slice(1)) {
      await pen('mouseMoved', point);
    }
    await pen('mouseReleased', stroke.at(-1));
  }
  await reads(verdict, /^3 /);
  await leave();
});

test('a picture is pasted, dropped, and taken by the camera', { skip: !has('digits') }, async () => {
  const { context, page, leave } = await visit('#digits', { ...DESKTOP, permissions: ['camera'] });
  const digits = page.locator('#digits');
  await digits.getByRole('button', { name: 'Use a picture' }).click();
  const verdict = digits.locator('.verdict').last();
  const picture = (await readFile(root('models/digits/examples/drawn.png'))).toString('base64');
  for (const way of ['paste', 'drop']) {
    await page.evaluate(async ([way, picture]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(picture), (it) => it.charCodeAt(0));
      transfer.items.add(new File([bytes], 'drawn.png', { type: 'image/png' }));
      const how = { bubbles: true, cancelable: true };
      const event = way === 'paste'
        ? new ClipboardEvent('paste', { ...how, clipboardData: transfer })
        : new DragEvent('drop', { ...how, dataTransfer: transfer });
      (way === 'paste' ? document.body : document.querySelector('#digits .zone')).dispatchEvent(event);
    }, [way, picture]);
    await reads(verdict, /^3 /);
    await digits.getByRole('button', { name: /^Sample: Small/ }).click();
    await reads(verdict, /^[^3]/);
  }
  await digits.getByRole('button', { name: 'Camera' }).click();
  await page.waitForFunction(() => document.querySelector('#digits video').videoWidth > 0);
  await digits.getByRole('button', { name: 'Take it' }).click();
  await digits.locator('.zone img').waitFor();
  await reads(verdict, /^\d /);
  assert.equal(await digits.getByRole('button', { name: 'Camera' }).count(), 1);
  await context.clearPermissions();
  await leave();
});

test('a payment is scored, explained, and refused with a reason', async () => {
  const { page, leave } = await visit('#fraud');
  const fraud = page.locator('#fraud');
  await reads(fraud.locator('.gauge .number'), /^0\.986$/);
  await reads(fraud.locator('.gauge .action'), /^block$/);
  await reads(fraud.locator('.pushes'), /Distance from home\s*1214\.6 km, usual 3\.4/);
  await page.screenshot({ path: `${SHOTS}/fraud.png`, fullPage: true });
  await fraud.getByRole('button', { name: 'Ordinary' }).click();
  await reads(fraud.locator('.gauge .action'), /^allow$/);
  await reads(fraud.locator('.push-frame'), /Every field is as usual/);
  await fraud.getByLabel('Amount', { exact: true }).fill('a lot');
  await reads(fraud.locator('.notice.failed'), /amount: expected a number/);
  assert.equal(await fraud.getByLabel('Amount', { exact: true }).getAttribute('aria-invalid'), 'true');
  // Nothing of the answer before is left: it is none to what stands there now.
  assert.equal(await fraud.locator('.gauge .number').innerText(), '–');
  await reads(fraud.locator('.verdict'), /^No answer$/);
  await fraud.getByLabel('Amount', { exact: true }).fill('900');
  await reads(fraud.locator('.pushes'), /Amount/);
  await leave();
});

test('on a phone the answer stays in sight while a payment is changed', async () => {
  const { page, leave } = await visit('#fraud', PHONE);
  const fraud = page.locator('#fraud');
  const verdict = fraud.locator('.verdict');
  await reads(verdict, /^fraud 98\.6 %, block$/);
  const rate = fraud.getByLabel('Terminal fraud rate 28d');
  await rate.scrollIntoViewIfNeeded();
  await rate.fill('0');
  for (const it of [rate, verdict]) {
    const { y, height } = await it.boundingBox();
    assert.ok(y >= 0 && y + height <= PHONE.viewport.height, `from ${y} to ${y + height}`);
  }
  await rate.fill('often');
  await reads(verdict, /^No answer$/);
  const { y, height } = await fraud.locator('.notice.failed').boundingBox();
  assert.ok(y >= 0 && y + height <= PHONE.viewport.height, `the reason from ${y} to ${y + height}`);
  await leave();
});

test('the page’s own links leave the model that is open, and its tab can be seen', async () => {
  const { page, leave } = await visit('#fraud', PHONE);
  const chosen = page.locator('[role=tab][aria-selected=true]');
  await page.waitForFunction(() => scrollY > 0);
  assert.ok((await chosen.boundingBox()).y >= 0, 'the address leads to the model, below its tab');
  for (const link of ['Proof', 'How it works', 'Demos']) {
    await page.getByRole('link', { name: link, exact: true }).click();
    assert.equal(await chosen.innerText(), 'Score a payment');
  }
  await page.evaluate(() => (location.hash = '#own'));
  await page.waitForFunction(() => document.querySelector('#tab-own').ariaSelected === 'true');
  const { x, width } = await chosen.boundingBox();
  assert.ok(x >= 0 && x + width <= PHONE.viewport.width, `from ${x} to ${x + width}`);
  await leave();
});

test('a sentence that is neither is neutral, and the share is that of what it is likeliest', { skip: !has('sentiment') }, async () => {
  const { page, leave } = await visit('#sentiment');
  const sentiment = page.locator('#sentiment');
  await reads(sentiment.locator('.verdict'), /^positive \d/);
  assert.ok((await sentiment.locator('.example').count()) > 1);
  await sentiment.getByRole('textbox').fill('The train leaves from platform four.');
  await reads(sentiment.locator('.verdict'), /^neutral unsure: negative 5\d\.\d %$/);
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

test('the page works offline after the first visit', async () => {
  const { context, page, leave } = await visit('#fraud');
  await page.locator('#fraud .gauge.decided').waitFor();
  await page.locator('#offline[data-state=ready]').waitFor();
  it.served.server.closeAllConnections();
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
  const page = await it.browser.newPage();
  await page.goto(broken.url);
  await reads(page.locator('#status.failed'), /digest is sha256:.*published is sha256:/);
  await page.close();
  broken.server.close();
  broken.server.closeAllConnections();
});

test('a browser without vectors is told so', async () => {
  const page = await it.browser.newPage();
  await page.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await page.goto(it.served.url);
  await reads(page.locator('#status.failed'), /simd128/);
  await page.close();
});

test('the policy holds: nothing but the page’s own origin, no script in the page', async () => {
  const context = await it.browser.newContext(DESKTOP);
  const page = await context.newPage();
  const asked = new Set();
  context.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(it.served.url);
  await page.locator('#status.ready').waitFor();
  const refused = await page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'globalThis.intruder = true';
    document.body.append(script);
    const sent = await fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused');
    return [sent, globalThis.intruder === undefined];
  });
  assert.deepEqual(refused, ['refused', true]);
  assert.deepEqual([...asked].filter((origin) => !origin.startsWith('blob')), [new URL(it.served.url).origin]);
  await context.close();
});

for (const [name, options] of [
  ['light', { ...DESKTOP, colorScheme: 'light' }],
  ['dark', { ...DESKTOP, colorScheme: 'dark' }],
  ['tablet', { ...TABLET, colorScheme: 'dark' }],
  ['phone', { ...PHONE, colorScheme: 'light' }],
]) {
  test(`axe finds nothing, nothing jumps, nothing sticks out: ${name}`, async () => {
    const { page, leave } = await visit('#digits', options);
    for (const tab of [...LIST.models.map(({ name }) => name), 'own']) {
      await page.locator(`#tab-${tab}`).click();
      if (tab !== 'own') {
        await page.locator(`#${tab} .side`).first().waitFor();
      }
      await accessible(page, tab);
      await fits(page, tab);
      await page.screenshot({ path: `${SHOTS}/${tab}-${name}.png`, fullPage: true });
    }
    await leave();
  });
}

test('the layout stays where it is while the page loads', async (t) => {
  const context = await it.browser.newContext(DESKTOP);
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
  await page.goto(`${it.served.url}#digits`);
  await page.locator('#status.ready').waitFor();
  await page.locator('#digits .paper').waitFor();
  const [shifts, shifted] = await page.evaluate(() => [globalThis.shifts, globalThis.shifted]);
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  t.diagnostic(`first paint after ${paint?.toFixed(0)} ms; cumulative layout shift ${shifts.toFixed(4)}`);
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

test('five hundred predictions take no more memory', async (t) => {
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
  // The worker with the component in it lives in the same process; what that takes, the system knows.
  const browser = await it.browser.newBrowserCDPSession();
  const resident = async () => {
    const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
    const sizes = processInfo.filter(({ type }) => type === 'renderer').map(async ({ id }) => {
      const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    });
    return (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
  };
  await ask(100);
  const [start, before] = [await used(), await resident()];
  await ask(500);
  const [grown, process] = [(await used()) - start, (await resident()) - before];
  t.diagnostic(`after 500 predictions: the page's heap ${(grown / 1e6).toFixed(1)} MB more, its process ${(process / 1e6).toFixed(1)} MB`);
  assert.ok(grown < 4e6, `the page grew by ${grown} bytes`);
  assert.ok(process < 64e6, `the process grew by ${process} bytes`);
  await leave();
});

// The second engine: SpiderMonkey gives the same bits.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { startFirefox } from './browsers.mjs';
import { serve, SHOTS, site } from './site.mjs';
import { DIGITS } from './strokes.mjs';

const LIST = await site();
let browser;
let served;
let page;
before(async () => {
  await mkdir(SHOTS, { recursive: true });
  served = await serve();
  browser = await startFirefox();
  page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(served.url);
  await page.waitForSelector('#status.ready, #status.failed', { timeout: 90_000 });
});
after(async () => {
  await browser?.close();
  served?.server.close();
  served?.server.closeAllConnections();
});

async function reads(selector, pattern) {
  const matches = (selector, pattern) =>
    new RegExp(pattern).test(document.querySelector(selector)?.innerText ?? '');
  await page.waitForFunction(matches, { timeout: 60_000 }, selector, pattern.source).catch(() => {});
  const text = await page.evaluate((selector) => document.querySelector(selector)?.innerText, selector);
  assert.match(text ?? '', pattern);
}

test('every reference case has every bit in Firefox', async () => {
  await reads('#status', /as published/);
  for (const { name } of LIST.models) {
    await page.click(`#tab-${name}`);
    await reads('.proof .card.wide h3', new RegExp(`Model card: ${name} `));
    await page.click('#run-cases');
    await reads('.proof .result', /every bit the same/);
  }
});

test('drawn digits are read in Firefox', async () => {
  await page.click('#tab-digits');
  await page.waitForSelector('#digits .paper', { visible: true });
  for (const digit of [0, 3, 7]) {
    const paper = await page.$('#digits .paper');
    await paper.scrollIntoView();
    const box = await paper.boundingBox();
    for (const stroke of DIGITS[digit]) {
      const points = stroke.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
      await page.mouse.move(...points[0]);
      await page.mouse.down();
      for (const point of points.slice(1)) {
        await page.mouse.move(...point);
      }
      await page.mouse.up();
    }
    await reads('#digits .verdict', new RegExp(`^${digit} `));
    await page.evaluate(() => {
      const buttons = [...document.querySelectorAll('#digits .tools button')];
      buttons.find((button) => button.textContent === 'Clear').click();
    });
    await reads('#digits .verdict', /^Nothing drawn yet$/);
  }
  await page.screenshot({ path: `${SHOTS}/firefox.png`, fullPage: true });
});

// A visitor of the page in Chromium, and what tests want of one.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { after, before } from 'node:test';

import { startChromium } from './browsers.mjs';
import { serve, SHOTS } from './site.mjs';

const AXE = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

export const DESKTOP = { viewport: { width: 1280, height: 900 } };
export const TABLET = { viewport: { width: 820, height: 1180 }, hasTouch: true };
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Chromium and the served page, for one file of tests. */
export function chromium() {
  const it = {
    browser: undefined,
    served: undefined,
    /** A fresh visitor at a tab; complaints of the page fail the test. */
    async visit(path, options = DESKTOP, url = it.served.url) {
      const context = await it.browser.newContext(options);
      const page = await context.newPage();
      const complaints = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${url}${path}`);
      if (!path.startsWith('compare')) {
        await page.locator('#status.ready').waitFor({ timeout: 60_000 });
      }
      const leave = async () => {
        await context.close();
        assert.deepEqual(complaints, []);
      };
      return { context, page, leave };
    },
  };
  before(async () => {
    await mkdir(SHOTS, { recursive: true });
    it.served = await serve();
    it.browser = await startChromium();
  });
  after(async () => {
    await it.browser?.close();
    it.served?.server.close();
    it.served?.server.closeAllConnections();
  });
  return it;
}

/** Waits until a text is there; the error has what was there instead. */
export async function reads(locator, pattern) {
  await locator.filter({ hasText: pattern }).first().waitFor({ timeout: 30_000 }).catch(async (error) => {
    assert.match(await locator.first().innerText(), pattern);
    throw error;
  });
}

/** Axe finds nothing. */
export async function accessible(page, where) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(found, [], where);
}

/** Nothing sticks out at the side. */
export async function fits(page, where) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${where} is ${wide} pixels too wide`);
}

/** Puts files into the place for a visitor's own model, as a drop does; of several, one right after the other. */
export async function drop(page, ...drops) {
  const named = drops.map((files) => files.map(({ name, bytes }) => [name, bytes.toString('base64')]));
  await page.locator('#own .zone').first().evaluate((zone, named) => {
    const transfers = named.map((files) => {
      const transfer = new DataTransfer();
      for (const [name, text] of files) {
        const bytes = Uint8Array.from(atob(text), (it) => it.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
      }
      return transfer;
    });
    for (const dataTransfer of transfers) {
      zone.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
    }
  }, named);
}

/** Draws strokes through points of the unit square on the paper that can be seen. */
export async function draw(page, strokes) {
  const paper = page.locator('.paper:visible');
  await paper.scrollIntoViewIfNeeded();
  const box = await paper.boundingBox();
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

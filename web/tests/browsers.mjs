// The two browsers that the tests drive, each behind the few words that the tests need.
//
// Chromium is driven by playwright-core, Firefox by puppeteer-core over WebDriver BiDi. Both are
// the system's own; `tests/tests/web.rs` installs them where that is allowed.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const NAMES = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  firefox: ['firefox-esr', 'firefox'],
};

/** The path of an installed browser. */
export function installed(kind) {
  const folders = process.env.PATH.split(delimiter);
  const paths = NAMES[kind].flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = paths.find((path) => existsSync(path));
  if (!found) {
    throw new Error(`no ${kind} on the path (looked for ${NAMES[kind].join(', ')}); install it`);
  }
  return found;
}

/** Starts Chromium, with a camera that films a test pattern. Root may not use its sandbox. */
export function startChromium() {
  const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  const args = process.getuid?.() === 0 ? [...camera, '--no-sandbox'] : camera;
  return chromium.launch({ executablePath: installed('chromium'), args });
}

/** Starts Firefox. */
export function startFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: installed('firefox'),
    headless: true,
    protocol: 'webDriverBiDi',
    protocolTimeout: 120_000,
  });
}

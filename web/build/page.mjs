// The page: bundles, the two HTML files with their policy, and the list of what there is.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';

import { build } from 'esbuild';

import { typescript } from './package.mjs';
import { OUTPUT } from './options.mjs';
import { DIST, GENERATED, TRUST, WEB } from './paths.mjs';

/**
 * What the page may do: run its own scripts and WebAssembly, and talk to where it came from. The
 * page that compares with other servers may talk to those, too.
 */
const policy = (connect) =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    "worker-src 'self'",
    "manifest-src 'self'",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
const OWN = policy("'self'");
const ANY = policy("'self' https: http://localhost:* http://127.0.0.1:*");

/** Writes the page round the models that are there already. `policy` is published with it, if there is one. */
export async function page({ digest }, models, policy) {
  await mkdir(`${OUTPUT}/assets`, { recursive: true });
  await typescript(['-p', 'page', '--noEmit']);
  const component = await asset(`${GENERATED}/predictor.core.wasm`, 'predictor', 'wasm');
  const support = await asset(`${GENERATED}/support_bg.wasm`, 'support', 'wasm');
  const trust = await asset(`${TRUST}/trust_bg.wasm`, 'trust', 'wasm');
  const { size } = await import(`${DIST}/generated/envelope.js`).then((it) => ({ size: it.moduleSize }));

  const bundled = await bundle(['main', 'compare', 'worker', 'style']);
  const site = {
    component: { digest, url: component, size },
    support,
    trust,
    ...(policy && { policy }),
    worker: bundled.worker,
    models,
  };
  const list = JSON.stringify(site);
  await writeFile(`${OUTPUT}/site.json`, list);
  await copyFile(`${WEB}/page/icon.svg`, `${OUTPUT}/icon.svg`);
  await copyFile(`${WEB}/page/app.webmanifest`, `${OUTPUT}/app.webmanifest`);
  for (const [name, rules] of [['index', OWN], ['compare', ANY]]) {
    const script = name === 'index' ? bundled.main : bundled.compare;
    const html = (await readFile(`${WEB}/page/${name}.html`, 'utf8'))
      .replace('{{policy}}', rules)
      // Data, not a script: the policy lets no script stand in the page.
      .replace('{{site}}', () => list.replaceAll('<', '\\u003c'))
      .replace('{{style}}', bundled.style)
      .replace('{{script}}', script);
    await writeFile(`${OUTPUT}/${name}.html`, html);
  }
  await writeFile(
    `${OUTPUT}/_headers`,
    `/*
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
  Cross-Origin-Opener-Policy: same-origin
/assets/*
  Cache-Control: public, max-age=31536000, immutable
  Content-Security-Policy: ${OWN}
/packages/*
  Cache-Control: public, max-age=31536000, immutable
/
  Content-Security-Policy: ${OWN}; frame-ancestors 'none'
/index.html
  Content-Security-Policy: ${OWN}; frame-ancestors 'none'
/compare.html
  Content-Security-Policy: ${ANY}; frame-ancestors 'none'
`,
  );
  const shell = ['./', 'compare.html', 'site.json', 'icon.svg', 'app.webmanifest', support, trust];
  await serviceWorker([...shell, ...Object.values(bundled)], list);
}

/** Bundles entry points under names with their digests. */
async function bundle(names) {
  const { metafile } = await build({
    absWorkingDir: WEB,
    entryPoints: names.map((name) => `page/src/${name}.${name === 'style' ? 'css' : 'ts'}`),
    outdir: `${OUTPUT}/assets`,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
    metafile: true,
    logLevel: 'warning',
    // The page names the modules by their addresses; these defaults are for other bundles.
    loader: { '.wasm': 'empty' },
  });
  const bundled = {};
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    const name = names.find((name) => entryPoint?.startsWith(`page/src/${name}.`));
    if (name) {
      bundled[name] = `assets/${path.split('/').at(-1)}`;
    }
  }
  return bundled;
}

async function serviceWorker(shell, list) {
  const version = createHash('sha256').update(JSON.stringify(shell)).update(list).digest('hex');
  await build({
    absWorkingDir: WEB,
    entryPoints: ['page/src/service-worker.ts'],
    outfile: `${OUTPUT}/service-worker.js`,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    define: { SHELL: JSON.stringify(shell), VERSION: JSON.stringify(version.slice(0, 16)) },
    logLevel: 'warning',
  });
}

async function asset(path, name, extension) {
  const bytes = await readFile(path);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const url = `assets/${name}-${hash}.${extension}`;
  await writeFile(`${OUTPUT}/${url}`, bytes);
  return url;
}

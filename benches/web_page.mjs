// The component beside ONNX Runtime Web (one thread), in one Chromium on loopback: from nothing to
// the first answer, on a first visit and on a second one, and per prediction.
//
//     cargo xtask web && node benches/web_page.mjs [SECONDS [RUNS]]
//
// A first visit is a fresh profile: nothing is cached. Both sides are served compressed with Brotli and
// may be cached for ever. ONNX Runtime is handed tensors that are ready; the component reads the instance
// as callers have it (JSON, a picture's file, a text), checks the package's digests and its own, and
// gives the whole answer.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { packed } from '../web/build/compress.mjs';
import { serve } from '../web/serve.mjs';
import { startChromium } from '../web/tests/browsers.mjs';
import { site } from '../web/tests/site.mjs';

const SECONDS = Number(process.argv[2] ?? 3);
const RUNS = Number(process.argv[3] ?? 5);
const ORT = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));

const list = await site();
const { server, url } = await serve(0, (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/blank.html') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>bench</title>');
    return true;
  }
  if (!pathname.startsWith('/ort/')) {
    return false;
  }
  const type = pathname.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
  compressed(join(ORT, pathname.slice(5))).then(
    (bytes) => {
      const headers = { 'content-type': type, 'content-length': bytes.length, 'content-encoding': 'br' };
      response.writeHead(200, { ...headers, 'cache-control': 'public, max-age=31536000, immutable' }).end(bytes);
    },
    () => response.writeHead(404).end(),
  );
  return true;
});
// Compressed before anything is timed.
await Promise.all(['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'].map((name) => compressed(join(ORT, name))));
const browser = await startChromium();
for (const model of list.models) {
  const runs = { component: [], ort: [] };
  for (let run = 0; run < RUNS; run++) {
    runs.component.push(await visits(component, { list, model, seconds: SECONDS }));
    const { shapes } = runs.component.at(-1);
    runs.ort.push(await visits(onnxRuntime, { model, shapes, seconds: SECONDS }));
  }
  for (const [name, results] of Object.entries(runs)) {
    const middle = (key) => results.map((it) => it[key]).sort((a, b) => a - b)[RUNS >> 1];
    console.log(
      `${model.name.padEnd(10)} ${name.padEnd(10)} first answer ${middle('first').toFixed(0).padStart(6)} ms, ` +
        `on the second visit ${middle('second').toFixed(0).padStart(6)} ms, ` +
        `then ${middle('each').toFixed(3).padStart(9)} ms a prediction`,
    );
  }
  const phases = Object.keys(runs.component[0].phases);
  const middle = (phase) => runs.component.map(({ phases }) => phases[phase]).sort((a, b) => a - b)[RUNS >> 1];
  console.log(`${''.padEnd(10)} of that, the component's: ${phases.map((phase) => `${phase} ${middle(phase).toFixed(0)} ms`).join(', ')}`);
}
await browser.close();
server.close();
server.closeAllConnections();

async function compressed(path) {
  return readFile(await packed(await readFile(path), 'br'));
}

/** A first visit, and a second one in the same profile. */
async function visits(measure, parameters) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}blank.html`);
  const result = await page.evaluate(measure, parameters);
  await page.goto(`${url}blank.html`);
  const { first: second } = await page.evaluate(measure, { ...parameters, seconds: 0 });
  await context.close();
  return { ...result, second };
}

/** Runs in the page: the page's own worker. */
async function component({ list, model, seconds }) {
  const began = performance.now();
  const worker = new Worker(list.worker, { type: 'module' });
  let next = 0;
  const call = (name, take) =>
    new Promise((resolve, reject) => {
      const id = next++;
      worker.addEventListener('message', function listen({ data }) {
        if (data.id !== id || data.kind === 'progress') {
          return;
        }
        worker.removeEventListener('message', listen);
        data.kind === 'done' ? resolve(data.give) : reject(new Error(data.failure.message));
      });
      worker.postMessage({ id, name, take });
    });
  const { base, files, name: key } = model;
  // As the page does: the package is fetched while the component is.
  const starting = call('start', { site: list, base: document.baseURI });
  const opened = await call('open', { key, origin: { kind: 'bundled', base, files } });
  const input = { kind: 'json', text: await call('caseInput', { key, index: 0 }) };
  const { milliseconds: predict } = await call('predict', { key, input, look: false });
  const first = performance.now() - began;
  const { download, compile } = await starting;
  const { description, load } = opened;
  const phases = { download, compile, load, predict };
  await call('keep');
  const times = [];
  const end = performance.now() + seconds * 1e3;
  while (performance.now() < end) {
    times.push((await call('predict', { key, input, look: false })).milliseconds);
  }
  worker.terminate();
  const shapes = description.inputs.map(({ name, elementType, shape }) => ({ name, elementType, shape }));
  return { first, phases, each: times.sort((a, b) => a - b)[times.length >> 1], shapes };
}

/** Runs in the page: ONNX Runtime Web. A named extent is 1 for the batch, 16 for tokens. */
async function onnxRuntime({ model, shapes, seconds }) {
  const began = performance.now();
  const ort = await import('/ort/ort.wasm.min.mjs');
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = `${location.origin}/ort/`;
  const bytes = await (await fetch(`/${model.base}/model.onnx`)).arrayBuffer();
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  const feeds = {};
  for (const { name, elementType, shape } of shapes) {
    const extents = shape.map((extent, at) => Number(extent) || (at === 0 ? 1 : 16));
    const count = extents.reduce((a, b) => a * b, 1);
    const data =
      elementType === 'int64' ? new BigInt64Array(count).fill(1n) : new Float32Array(count).fill(0.5);
    feeds[name] = new ort.Tensor(elementType, data, extents);
  }
  await session.run(feeds);
  const first = performance.now() - began;
  const times = [];
  const end = performance.now() + seconds * 1e3;
  while (performance.now() < end) {
    const before = performance.now();
    await session.run(feeds);
    times.push(performance.now() - before);
  }
  return { first, each: times.sort((a, b) => a - b)[times.length >> 1] };
}

// The peer in V8: ONNX Runtime Web on one thread, handed features that are ready.
//
//     node web_peer.mjs MODEL.onnx INPUT OUTPUT WIDTH ROWS.f32 SECONDS
//
// Each run takes the next rows. Prints the median seconds of a `run` with 1, 32 and 1,000 rows as a JSON object.

import { readFile } from 'node:fs/promises';

import * as ort from 'onnxruntime-web';

const [path, input, output, width, rowsPath, seconds] = process.argv.slice(2);
const bytes = await readFile(rowsPath);
const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const count = all.length / width;
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(path), {
  executionProviders: ['wasm'],
});
const figures = {};
for (const batch of [1, 32, 1000]) {
  const batches = Array.from({ length: Math.ceil(count / batch) }, (_, call) =>
    new Float32Array(batch * width).map((_, index) => all[(call * batch * width + index) % all.length]),
  );
  const times = [];
  const end = performance.now() + seconds * 1e3;
  for (let call = 0; performance.now() < end; call += 1) {
    const rows = batches[call % batches.length];
    const began = performance.now();
    await session.run({ [input]: new ort.Tensor('float32', rows, [batch, Number(width)]) }, [output]);
    times.push((performance.now() - began) / 1e3);
  }
  figures[batch] = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}
console.log(JSON.stringify(figures));

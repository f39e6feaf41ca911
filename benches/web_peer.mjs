// The peer in V8: ONNX Runtime Web on one thread, handed features that are ready.
//
//     node web_peer.mjs MODEL.onnx INPUT OUTPUT WIDTH SECONDS
//
// Prints the median seconds of a `run` with 1, 32 and 1,000 rows as a JSON object.

import { readFile } from 'node:fs/promises';

import * as ort from 'onnxruntime-web';

const [path, input, output, width, seconds] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(path), {
  executionProviders: ['wasm'],
});
const figures = {};
for (const batch of [1, 32, 1000]) {
  const rows = new Float32Array(batch * width).map((_, index) => Math.sin(index));
  const times = [];
  const end = performance.now() + seconds * 1e3;
  while (performance.now() < end) {
    const began = performance.now();
    await session.run({ [input]: new ort.Tensor('float32', rows, [batch, Number(width)]) }, [output]);
    times.push((performance.now() - began) / 1e3);
  }
  figures[batch] = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}
console.log(JSON.stringify(figures));

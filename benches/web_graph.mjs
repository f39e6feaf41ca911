// The peer in V8: ONNX Runtime Web on one thread, with given tensors.
//
//     node web_graph.mjs MODEL.onnx INPUTS.json SECONDS
//
// The inputs are an array of { name, type: 'float32' or 'int64', shape, file }. Prints the median seconds of a `run`.

import { readFile } from 'node:fs/promises';

import * as ort from 'onnxruntime-web';

const [path, inputsPath, seconds] = process.argv.slice(2);
const kinds = { float32: Float32Array, int64: BigInt64Array };
const feeds = {};
for (const { name, type, shape, file } of JSON.parse(await readFile(inputsPath, 'utf8'))) {
  const bytes = await readFile(file);
  const elements = new kinds[type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  feeds[name] = new ort.Tensor(type, elements, shape);
}
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(path), { executionProviders: ['wasm'] });
await session.run(feeds);
const times = [];
const end = performance.now() + seconds * 1e3;
while (times.length === 0 || performance.now() < end) {
  const began = performance.now();
  await session.run(feeds);
  times.push((performance.now() - began) / 1e3);
}
console.log(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]);

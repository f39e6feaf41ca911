// Calls that a careless or hostile host may make, through V8: each is answered with an error of
// the interface, and leaves the instance as it was.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { answerOf } from './answer.mjs';
import { readPackage } from './package.mjs';
import { Predictor } from './predictor.mjs';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const predictor = await Predictor.compile(at('target/component/predictor.wasm'));
const model = await readPackage(at('models/fraud/package'));
const good = { tag: 'json', val: model.cases[0].text };

async function loaded() {
  const instance = await predictor.instance();
  instance.load(model.files);
  return instance;
}

/** The first case with other fields. */
function changed(fields) {
  return { tag: 'json', val: JSON.stringify({ ...JSON.parse(good.val), ...fields }) };
}

/** The call throws this error of the interface. */
function refused(call, tag, code) {
  assert.throws(call, ({ payload }) => payload?.tag === tag && payload.val.code === code);
}

test('nothing answers before load', async () => {
  const instance = await predictor.instance();
  refused(() => instance.describe(), 'invalid-state', 'not-loaded');
  refused(() => instance.predict([good]), 'invalid-state', 'not-loaded');
  refused(() => instance.infer([]), 'invalid-state', 'not-loaded');
});

test('a second load is refused and the first model stays', async () => {
  const instance = await loaded();
  refused(() => instance.load(model.files), 'invalid-state', 'already-loaded');
  assert.equal(instance.describe().package, model.digest);
  assert.equal(instance.predict([good])[0].tag, 'ok');
});

test('a changed byte is refused, and the good package loads afterwards', async () => {
  const instance = await predictor.instance();
  const damaged = model.files.map(({ path, content }) => ({ path, content: Buffer.from(content) }));
  const graph = damaged.find(({ path }) => path.endsWith('.onnx'));
  graph.content[graph.content.length >> 1] ^= 1;
  refused(() => instance.load(damaged), 'invalid-model', 'digest-mismatch');
  refused(() => instance.load(model.files.slice(1)), 'invalid-model', 'missing-file');
  refused(() => instance.load([]), 'invalid-model', 'missing-file');
  instance.load(model.files);
  assert.equal(instance.predict([good])[0].tag, 'ok');
});

test('bad instances fail alone', async () => {
  const instance = await loaded();
  const rows = [
    [changed({ amount: '42.80' }), 'invalid-input', 'wrong-type', 'amount'],
    [changed({ amount: -1 }), 'invalid-input', 'out-of-range', 'amount'],
    [changed({ amount: null }), 'invalid-input', 'missing-field', 'amount'],
    [changed({ channel: 'pigeon' }), 'invalid-input', 'invalid-value', 'channel'],
    [changed({ amout: 1 }), 'invalid-input', 'unknown-field', 'amout'],
    [{ tag: 'json', val: '{' }, 'invalid-input', 'invalid-json'],
    [{ tag: 'json', val: '{"amount":1,"amount":2}' }, 'invalid-input', 'invalid-json'],
    [{ tag: 'json', val: '['.repeat(100_000) }, 'invalid-input', 'invalid-json'],
    [{ tag: 'json', val: '[]' }, 'invalid-input', 'not-an-object'],
    [{ tag: 'json', val: ' '.repeat((1 << 20) + 1) }, 'too-large', 'instance-too-large'],
    [{ tag: 'text', val: 'hello' }, 'unsupported-input', 'unsupported-input'],
    [{ tag: 'image', val: new Uint8Array(4) }, 'unsupported-input', 'unsupported-input'],
  ];
  const [alone] = instance.predict([good]);
  const results = instance.predict(rows.flatMap(([instance]) => [instance, good]));
  rows.forEach(([, tag, code, field], index) => {
    const [bad, beside] = results.slice(2 * index, 2 * index + 2);
    assert.equal(bad.tag, 'err', code);
    const { tag: foundTag, val } = bad.val;
    assert.deepEqual([foundTag, val.code, val.field], [tag, code, field]);
    assert.deepEqual(answerOf(beside.val), answerOf(alone.val));
  });
});

test('a batch may be empty and has an upper bound', async () => {
  const instance = await loaded();
  assert.deepEqual(instance.predict([]), []);
  const many = Array.from({ length: 10_001 }, () => ({ tag: 'json', val: '' }));
  refused(() => instance.predict(many), 'too-large', 'too-many-instances');
});

test('tensors that do not fit are refused', async () => {
  const instance = await loaded();
  const [{ name, elementType, shape }] = instance.describe().inputs;
  const width = Number(shape[1]);
  const tensor = { name, elementType, shape: [1n, BigInt(width)], data: new Uint8Array(4 * width) };
  const infer = (changes) => () => instance.infer([{ ...tensor, ...changes }]);
  refused(() => instance.infer([]), 'invalid-input', 'missing-tensor');
  const extra = [tensor, { ...tensor, name: 'x' }];
  refused(() => instance.infer(extra), 'invalid-input', 'unknown-tensor');
  refused(infer({ elementType: 'int64' }), 'invalid-input', 'wrong-type');
  refused(infer({ shape: [BigInt(width)] }), 'invalid-input', 'wrong-shape');
  refused(infer({ shape: [2n ** 32n, BigInt(width)] }), 'invalid-input', 'wrong-size');
  refused(infer({ data: new Uint8Array(3) }), 'invalid-input', 'wrong-size');
  assert.equal(infer({})().length, instance.describe().outputs.length);
});

// The npm package as its users get it: packed, installed from the archive, and imported.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { hostCli } from './native.mjs';
import { graph } from './onnx.mjs';
import { root, tar } from './site.mjs';

const run = promisify(execFile);
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-'));
  const { stdout } = await run('npm', ['pack', root('web/package'), '--json'], { cwd: folder });
  const [{ filename }] = JSON.parse(stdout);
  await writeFile(join(folder, 'package.json'), '{"type":"module","private":true}');
  await run('npm', ['install', '--no-audit', '--no-fund', '--offline', `./${filename}`], { cwd: folder });
});
after(() => rm(folder, { recursive: true, force: true }));

/** Runs a module beside the installed package; what it prints. */
async function script(text, ...parameters) {
  await writeFile(join(folder, 'script.mjs'), text);
  const { stdout } = await run(process.execPath, ['script.mjs', ...parameters], { cwd: folder });
  return stdout.trim();
}

test('a folder, an archive and files are one model, and every case has every bit', async () => {
  const names = ['manifest.json', 'model.onnx', 'reference-cases.json'];
  const files = names.map(async (path) => {
    return { path, content: await readFile(root(`models/fraud/package/${path}`)) };
  });
  await writeFile(join(folder, 'fraud.tar'), tar(await Promise.all(files)));
  const text = `
    import { readFile } from 'node:fs/promises';
    import { loadModel } from 'samebits';
    const [, , path] = process.argv;
    const models = [
      await loadModel(path),
      await loadModel('fraud.tar'),
      await loadModel(await readFile('fraud.tar')),
    ];
    const answers = models.map((model) => {
      const results = model.verify();
      const same = results.filter(({ differences }) => differences.length === 0).length;
      return [model.description.package, model.component.digest, same, results.length].join(' ');
    });
    console.log([...new Set(answers)].join('\\n'));
  `;
  const out = await script(text, root('models/fraud/package'));
  const { cases } = JSON.parse(await readFile(root('models/fraud/package/reference-cases.json'), 'utf8'));
  assert.match(out, new RegExp(`^sha256:\\w{64} sha256:\\w{64} ${cases.length} ${cases.length}$`));
});

test('a bare graph runs, by its path and by its bytes, as it does at the command line', async () => {
  await writeFile(join(folder, 'relu.onnx'), graph({ shape: ['N', 3] }));
  await writeFile(join(folder, 'rows.json'), '{"x": [[0.1, -2, 3e-45], [-0.5, 16777217, 1]]}');
  const text = `
    import { readFile } from 'node:fs/promises';
    import { loadModel } from 'samebits';
    const instance = JSON.parse(await readFile('rows.json', 'utf8'));
    const models = [await loadModel('relu.onnx'), await loadModel(await readFile('relu.onnx'))];
    console.log(JSON.stringify({
      answers: models.map((model) => model.predict(instance).json),
      digest: models[0].description.package,
    }));
  `;
  const { answers, digest } = JSON.parse(await script(text));
  assert.equal(answers[0], answers[1]);
  const model = join(folder, 'relu.onnx');
  const native = await hostCli('predict', join(folder, 'rows.json'), '--model', model, '--format', 'json');
  assert.deepEqual(JSON.parse(answers[0]).y, JSON.parse(native).y);
  assert.equal(digest, JSON.parse(await hostCli('inspect', model, '--json')).package);
});

test('errors name what is wrong', async () => {
  const text = `
    import { readFile } from 'node:fs/promises';
    import { loadModel, PredictError } from 'samebits';
    const failure = async (work) => {
      try { await work(); return 'none'; } catch (error) {
        return error instanceof PredictError ? [error.kind, error.code, error.field].join(' ') : error.stack;
      }
    };
    const [, , path, bad] = process.argv;
    const model = await loadModel(path);
    const instance = JSON.parse(await readFile(bad, 'utf8'));
    console.log(await failure(() => loadModel('not/there')));
    console.log(await failure(() => loadModel(new Uint8Array(600).fill(65))));
    console.log(await failure(() => loadModel([])));
    console.log(await failure(() => model.predict(instance)));
    console.log(await failure(() => model.predict('a text')));
  `;
  const bad = root('models/fraud/examples/bad.json');
  const out = await script(text, root('models/fraud/package'), bad);
  assert.deepEqual(out.split('\n').map((line) => line.trim()), [
    'not-reachable not-reachable',
    'invalid-model not-an-archive',
    'invalid-model missing-file',
    'invalid-input wrong-type amount',
    'unsupported-input unsupported-input',
  ]);
});

test('the example runs', async () => {
  const example = await readFile(root('web/package/example.mjs'), 'utf8');
  const out = await script(example, root('models/fraud/package'), root('models/fraud/examples/suspicious.json'));
  assert.match(out, /block/);
});

test('its types compile in a project of one’s own', async () => {
  await writeFile(
    join(folder, 'use.ts'),
    `import { loadModel, type Prediction } from 'samebits';
const model = await loadModel('somewhere');
const prediction: Prediction = model.predict({ amount: 1 });
const score: number | undefined = prediction.score;
console.log(score, model.description.labels.length);
`,
  );
  const compiler = root('web/node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', 'use.ts'];
  await run(process.execPath, [compiler, ...options], { cwd: folder }).catch((error) => {
    assert.fail(error.stdout);
  });
});

// Predicts one transaction and checks that this machine gives the bits that the package expects.
//
//     node example.mjs PACKAGE INPUT.json

import { readFile } from 'node:fs/promises';

import { loadModel } from 'samebits';

const [, , source, input] = process.argv;
const model = await loadModel(source);
const { score, label, action } = model.predict(JSON.parse(await readFile(input, 'utf8')));
console.log({ score, label, action });

const cases = model.verify();
const same = cases.filter(({ differences }) => differences.length === 0);
console.log(`${same.length} of ${cases.length} reference cases have every bit`);

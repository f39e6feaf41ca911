// The second engine: runs the component in Node's V8 on whole model packages and compares every
// answer with the reference cases, to the bit.

import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { answerOf, differences } from './answer.mjs';
import { readInstances, readPackage } from './package.mjs';
import { Predictor } from './predictor.mjs';

const USAGE = `usage: node run.mjs COMPONENT PACKAGE [PACKAGE…]
       node run.mjs --baked COMPONENT PACKAGE
       node run.mjs COMPONENT PACKAGE --dump FILE [--instances FILE.jsonl]

Predicts the reference cases of each package (a directory) in V8 and compares every bit with what
the file expects.

  --baked                 the component has the model in it: nothing is loaded
  --dump FILE             write V8's answers as reference cases instead of comparing them
  --instances FILE.jsonl  predict these instead: one JSON instance on each line`;

/** A model in an instance of its own, with the time that loading took in milliseconds. */
async function load(predictor, model, isBaked) {
  const instance = await predictor.instance();
  const [, loadTime] = timed(() => isBaked || instance.load(model.files));
  const { name, version, package: digest } = instance.describe();
  for (const [what, expected, found] of [
    ['name', model.name, name],
    ['version', model.version, version],
    ['package', model.digest, digest],
  ]) {
    if (found !== expected) {
      throw new Error(`describe: expected the ${what} ${expected}, found ${found}`);
    }
  }
  return [instance, loadTime];
}

/** Predicts the cases one by one and as one batch: the answers of both, and each time alone. */
function predict(instance, cases) {
  const inputs = cases.map(({ text }) => ({ tag: 'json', val: text }));
  const singles = inputs.map((input) => timed(() => instance.predict([input])));
  const answers = (results) => results.map((result, index) => answered(cases[index], result));
  return {
    alone: answers(singles.map(([[result]]) => result)),
    batch: answers(instance.predict(inputs)),
    times: singles.map(([, time]) => time),
  };
}

function answered({ name }, { tag, val }) {
  if (tag === 'err') {
    throw new Error(`case ${name}: ${problemText(val)}`);
  }
  return answerOf(val);
}

/** Every difference between what the cases expect and an answer, as lines of text. */
function compare(cases, answers, how) {
  return cases.flatMap(({ name, expected }, index) =>
    differences(expected, answers[index]).map(
      ({ part, expected, found }) =>
        `case ${name}, ${how}: ${part}\n  expected ${expected}\n  found    ${found}`,
    ),
  );
}

/** Compares a package's reference cases; how many there are. */
async function verify(predictor, directory, isBaked) {
  const model = await readPackage(directory);
  const unsealed = model.cases.find(({ expected }) => expected === undefined);
  if (model.cases.length === 0 || unsealed) {
    const what = unsealed ? `the case ${unsealed.name} expects nothing yet` : 'no reference cases';
    throw new Error(`${what}; run \`cargo xtask seal\``);
  }
  const [instance, loadTime] = await load(predictor, model, isBaked);
  const { alone, batch, times } = predict(instance, model.cases);
  const found = [
    ...compare(model.cases, alone, 'alone'),
    ...compare(model.cases, batch, 'in a batch'),
  ];
  if (found.length > 0) {
    throw new Error(`V8 answers otherwise than expected\n${found.join('\n')}`);
  }
  console.log(summary(model, model.cases.length, 'cases as expected to the bit', loadTime, times));
}

/** Writes what V8 answers to a package's reference cases, or to other instances. */
async function dump(predictor, directory, file, instances) {
  const model = await readPackage(directory);
  const cases = instances ? await readInstances(instances) : model.cases;
  const [instance, loadTime] = await load(predictor, model, false);
  const { alone, batch, times } = predict(instance, cases);
  const asAlone = cases.map(({ name }, index) => ({ name, expected: alone[index] }));
  const found = compare(asAlone, batch, 'in a batch, expected as alone');
  if (found.length > 0) {
    throw new Error(`a batch changes the answers\n${found.join('\n')}`);
  }
  // The input is the text that was predicted, so that no number is written another way.
  const lines = cases.map(({ name, text }, index) => {
    const [head, tail] = [JSON.stringify(name), JSON.stringify(alone[index])];
    return `{"name":${head},"input":${text},"expected":${tail}}`;
  });
  await writeFile(file, `{"cases":[\n${lines.join(',\n')}\n]}\n`);
  console.log(summary(model, cases.length, `answers written to ${file}`, loadTime, times));
}

function summary({ name, version }, count, what, loadTime, times) {
  const load = `load ${loadTime.toFixed(0)} ms`;
  const predict = times.length > 0 ? `, predict ${median(times).toFixed(2)} ms (median)` : '';
  return `${name} ${version}: ${count} ${what}; ${load}${predict}; V8 ${process.versions.v8}`;
}

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
}

function timed(run) {
  const start = performance.now();
  const result = run();
  return [result, performance.now() - start];
}

/** The interface's `error`: a tag, and a problem with what and where. */
function problemText({ tag, val: { code, message } }) {
  return `${tag} (${code}): ${message}`;
}

/** What went wrong, in words. The bindings throw an error of the interface as `payload`. */
function errorText(error) {
  return error.payload?.tag ? problemText(error.payload) : error.message;
}

function parse() {
  const options = {
    baked: { type: 'boolean' },
    dump: { type: 'string' },
    instances: { type: 'string' },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [component, ...packages] = positionals;
  if (packages.length === 0) {
    throw new Error('expected a component and a package');
  }
  if (values.dump && packages.length > 1) {
    throw new Error(`--dump takes one package, found ${packages.length}`);
  }
  if (values.instances && !values.dump) {
    throw new Error('--instances needs --dump: nothing says what to expect of them');
  }
  return { component, packages, ...values };
}

let args;
try {
  args = parse();
} catch (error) {
  console.error(`error: ${error.message}\n\n${USAGE}`);
  process.exit(2);
}
let where = '';
try {
  const predictor = await Predictor.compile(args.component);
  for (const directory of args.packages) {
    where = `${directory}: `;
    if (args.dump) {
      await dump(predictor, directory, args.dump, args.instances);
    } else {
      await verify(predictor, directory, args.baked);
    }
  }
} catch (error) {
  console.error(`error: ${where}${errorText(error)}`);
  process.exitCode = 1;
}

// A model package in a directory, as docs/package.md describes it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads the manifest at `directory` and the files that it names. The component checks them. */
export async function readPackage(directory) {
  const read = async (path) => ({ path, content: await readFile(join(directory, path)) });
  const manifestFile = await read('manifest.json');
  const manifest = JSON.parse(manifestFile.content);
  const named = await Promise.all(manifest.files.map(({ path }) => read(path)));
  const casesPath = manifest.files.find(({ role }) => role === 'reference-cases')?.path;
  const casesFile = named.find(({ path }) => path === casesPath);
  return {
    name: manifest.name,
    version: manifest.version,
    digest: `sha256:${createHash('sha256').update(manifestFile.content).digest('hex')}`,
    files: [manifestFile, ...named],
    cases: casesFile ? referenceCases(casesFile.content) : [],
  };
}

/** The cases of a file of role `reference-cases`: `{ name, text, expected }`. */
function referenceCases(content) {
  const { cases } = JSON.parse(content);
  return cases.map(({ name, input, expected }) => ({ name, text: instanceText(input), expected }));
}

/** A JSON instance with the same numbers to the bit: `JSON.stringify` writes -0 as 0. */
function instanceText(input) {
  const value = (it) => (Object.is(it, -0) ? '-0.0' : JSON.stringify(it));
  const members = Object.entries(input).map(([key, it]) => `${JSON.stringify(key)}:${value(it)}`);
  return `{${members.join(',')}}`;
}

/** Cases without expectations: one JSON instance on each line of `path`. */
export async function readInstances(path) {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines
    .map((text, index) => ({ name: `line-${index + 1}`, text: text.trim() }))
    .filter(({ text }) => text !== '');
}

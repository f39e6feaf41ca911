// The model packages of the page, each under its digest, with examples to begin with.

import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { OUTPUT } from './options.mjs';
import { MODELS } from './paths.mjs';

/** Lies beside the files of a signed package. */
const SIGNATURE = 'model.sig';
/** Tasks whose instances are texts. */
const TEXTS = /^(text|token)-/;
const PICTURE = /\.(png|jpe?g|webp|gif|bmp)$/;
/** The order of the page; models that it does not name come behind. */
const ORDER = ['digits', 'fraud', 'photos', 'sentiment'];

/**
 * Copies the bundled packages and those in `more`; the page's list of them. One of `more` takes the
 * place of the bundled one with its name, and its examples where it has none.
 */
export async function models(more) {
  const names = await readdir(MODELS);
  const folders = [...names.map((name) => join(MODELS, name, 'package')), ...more];
  const chosen = new Map();
  for (const folder of folders) {
    const bytes = await readFile(join(folder, 'manifest.json')).catch(() => undefined);
    if (bytes) {
      chosen.set(JSON.parse(bytes).name, { folder, bytes });
    } else if (more.includes(folder)) {
      throw new Error(`${folder} is no package: it has no manifest.json`);
    }
  }
  const found = await Promise.all(Array.from(chosen.values(), ({ folder, bytes }) => copied(folder, bytes)));
  const rank = ({ name }) => (ORDER.indexOf(name) + 1 || ORDER.length + 1);
  return found.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

async function copied(folder, bytes) {
  const manifest = JSON.parse(bytes);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const signature = await readFile(join(folder, SIGNATURE)).catch(() => undefined);
  // The manifest has the digest of every file but of the signature, and an address is for the same bytes forever.
  const address = signature ? createHash('sha256').update(bytes).update(signature).digest('hex') : digest;
  const base = `packages/${manifest.name}/${address.slice(0, 16)}`;
  const files = [];
  const signed = signature ? [SIGNATURE] : [];
  for (const path of ['manifest.json', ...manifest.files.map((file) => file.path), ...signed]) {
    await cp(join(folder, path), `${OUTPUT}/${base}/${path}`);
    files.push({ path, size: (await stat(join(folder, path))).size });
  }
  return {
    name: manifest.name,
    version: manifest.version,
    task: manifest.task,
    digest: `sha256:${digest}`,
    base,
    files,
    examples: await examples(folder, manifest, base),
  };
}

/** Inputs to begin with that the model's folder has: pictures, JSON objects, lines of text or lists of them. */
async function examples(of, manifest, base) {
  let folder = join(of, '../examples');
  let names = await readdir(folder).catch(() => []);
  if (names.length === 0) {
    folder = join(MODELS, manifest.name, 'examples');
    names = await readdir(folder).catch(() => []);
  }
  const examples = [];
  for (const name of names.filter((name) => !name.startsWith('bad')).sort()) {
    const title = basename(name).replace(/\.\w+$/, '').replaceAll(/[-_]/g, ' ');
    if (PICTURE.test(name)) {
      await mkdir(`${OUTPUT}/${base}/examples`, { recursive: true });
      await cp(join(folder, name), `${OUTPUT}/${base}/examples/${name}`);
      examples.push({ title, picture: `${base}/examples/${name}` });
    } else if (name.endsWith('.json') && manifest.input?.fields) {
      const fields = JSON.parse(await readFile(join(folder, name)));
      if (!Array.isArray(fields)) {
        examples.push({ title, fields });
      }
    } else if (name.endsWith('.json') && TEXTS.test(manifest.task)) {
      const texts = [JSON.parse(await readFile(join(folder, name)))].flat().map(({ text }) => text);
      examples.push(...texts.map((text) => ({ title: text, text })));
    } else if (name.endsWith('.txt')) {
      const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
      examples.push(...lines.filter((line) => line.trim()).map((text) => ({ title: text, text })));
    }
  }
  // The same words again show nothing new.
  const heard = examples.map(({ title }) => title.toLowerCase().replaceAll(/[^\p{L}\d]/gu, ''));
  return examples.filter((_, at) => heard.indexOf(heard[at]) === at);
}

// What is published with the page for its visitors to judge signatures by: a public key, root
// certificates or a trust policy. The packages are judged by it here already, with the module that the
// page uses, so that nobody publishes a page that contradicts itself.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { OUTPUT } from './options.mjs';
import { TRUST } from './paths.mjs';

/** The file's content as the page takes it: in one piece, and nothing that is secret. */
export async function policyIn(path) {
  const text = await readFile(path, 'utf8');
  const isPolicy = text.trimStart().startsWith('{');
  const whole = isPolicy ? await inOnePiece(path, text) : text;
  if (whole.includes('PRIVATE KEY-----')) {
    throw new Error(`${path} has a private key, which must never be published; give the public one (openssl pkey -pubout)`);
  }
  const kind = isPolicy ? 'policy' : text.includes('-----BEGIN CERTIFICATE-----') ? 'certificates' : 'key';
  return { kind, text: whole };
}

/** A policy with the files in it that it names, which lie relative to its own. */
async function inOnePiece(path, text) {
  let policy;
  try {
    policy = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is no trust policy: ${cause.message}`, { cause });
  }
  const pem = async (entry) =>
    typeof entry !== 'string' || entry.includes('-----BEGIN') ? entry : readFile(join(dirname(path), entry), 'utf8');
  for (const rule of Array.isArray(policy?.rules) ? policy.rules : []) {
    for (const key of ['keys', 'certificates']) {
      if (Array.isArray(rule?.[key])) {
        rule[key] = await Promise.all(rule[key].map(pem));
      }
    }
  }
  return JSON.stringify(policy);
}

/** Judges the packages of the page. Who is not signed is told; a signature that does not hold is an error. */
export async function judge(path, { text }, models) {
  const { default: initialise, check } = await import(`${TRUST}/trust.js`);
  await initialise({ module_or_path: await readFile(`${TRUST}/trust_bg.wasm`) });
  for (const { name, digest, base, files } of models) {
    const manifest = JSON.parse(await readFile(`${OUTPUT}/${base}/manifest.json`, 'utf8'));
    const listed = manifest.files.flatMap(({ path, sha256 }) => [path, sha256]);
    const isSigned = files.some(({ path }) => path === 'model.sig');
    const signature = isSigned ? await readFile(`${OUTPUT}/${base}/model.sig`) : undefined;
    try {
      check(text, signature, name, ['manifest.json', digest, ...listed]).free();
    } catch (error) {
      if (error.code !== 'unsigned-model') {
        throw new Error(`${error.code === 'invalid-policy' ? path : name}: ${error.message}`, { cause: error });
      }
      console.log(`${name} is not signed, and the page says so`);
    }
  }
}

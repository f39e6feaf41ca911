// The component as JavaScript and a core module, and what is left of the component round it.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';

import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { transform } from 'esbuild';

import { BINDINGS, GENERATED, TRUST, WEB } from './paths.mjs';

const OPTIONS = {
  name: 'predictor',
  instantiation: 'async',
  namespacedExports: false,
  emitTypescriptDeclarations: false,
  nodejsCompat: false,
};

/** Writes the generated sources of the npm package. Says what `envelope.js` has. */
export async function transpiled(component) {
  const digest = `sha256:${createHash('sha256').update(component).digest('hex')}`;
  const { devDependencies } = JSON.parse(await readFile(`${WEB}/package.json`, 'utf8'));
  const jco = devDependencies['@bytecodealliance/jco-transpile'];
  const made = `${digest} by jco ${jco} with ${JSON.stringify(OPTIONS)}`;
  if ((await readFile(`${GENERATED}/made`, 'utf8').catch(() => '')) !== made) {
    await rm(GENERATED, { recursive: true, force: true });
    await mkdir(GENERATED, { recursive: true });
    await bindings(component, digest);
    await writeFile(`${GENERATED}/made`, made);
  }
  for (const name of ['support.js', 'support_bg.wasm']) {
    await copyFile(`${BINDINGS}/${name}`, `${GENERATED}/${name}`);
  }
  await mkdir(TRUST, { recursive: true });
  for (const name of ['trust.js', 'trust.d.ts', 'trust_bg.wasm']) {
    await copyFile(`${BINDINGS}/${name}`, `${TRUST}/${name}`);
  }
  // Projects that target an earlier standard don't know the symbol.
  const declared = await readFile(`${BINDINGS}/support.d.ts`, 'utf8');
  const known = declared.replaceAll(/^ *\[Symbol\.dispose\]\(\): void;\n/gm, '');
  await writeFile(`${GENERATED}/support.d.ts`, known);
  return { digest };
}

async function bindings(component, digest) {
  const { files, imports } = await transpileBytes(component, OPTIONS);
  if (imports.length > 0) {
    throw new Error(`the component imports ${imports.join(', ')}; it must import nothing`);
  }
  const modules = Object.keys(files).filter((name) => name.endsWith('.core.wasm'));
  if (modules.length !== 1) {
    throw new Error(`expected one core module in the component, found ${modules.join(', ')}`);
  }
  const module = Buffer.from(files[modules[0]]);
  const at = component.indexOf(module);
  if (at < 0) {
    throw new Error('the core module is not the one in the component: its digest proves nothing');
  }
  const script = Object.keys(files).find((name) => name.endsWith('.js'));
  const { code } = await transform(Buffer.from(files[script]).toString(), {
    minify: true,
    format: 'esm',
    target: 'es2022',
  });
  await writeFile(`${GENERATED}/predictor.core.wasm`, module);
  await writeFile(`${GENERATED}/predictor.js`, code);
  await writeFile(
    `${GENERATED}/predictor.d.ts`,
    `/** Written by jco. */
export function instantiate(
  module: (path: string) => WebAssembly.Module,
  imports: Record<string, never>,
): Promise<{ model: unknown }>;
`,
  );
  const base64 = (bytes) => bytes.toString('base64');
  await writeFile(
    `${GENERATED}/envelope.js`,
    `const bytes = (text) => Uint8Array.from(atob(text), (it) => it.charCodeAt(0));
export const digest = '${digest}';
export const moduleSize = ${module.length};
export const before = bytes('${base64(component.subarray(0, at))}');
export const after = bytes('${base64(component.subarray(at + module.length))}');
`,
  );
  await writeFile(
    `${GENERATED}/envelope.d.ts`,
    `/** The component's digest when the package was made. */
export const digest: string;
/** Bytes of the core module. */
export const moduleSize: number;
/** What stands before the core module in the component, and after it. */
export const before: Uint8Array;
export const after: Uint8Array;
`,
  );
}

// The npm package: TypeScript to JavaScript and declarations, and the made files beside them.

import { execFile } from 'node:child_process';
import { copyFile, cp, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

import { DIST, GENERATED, WEB } from './paths.mjs';

/** Writes `package/dist`. */
export async function npmPackage() {
  await rm(DIST, { recursive: true, force: true });
  await typescript(['-p', 'package']);
  await cp(GENERATED, `${DIST}/generated`, { recursive: true });
  await copyFile(`${WEB}/../LICENSE`, `${WEB}/package/LICENSE`);
}

/** Runs the compiler in `web`. What it says is in the error. */
export async function typescript(parameters) {
  const compiler = `${WEB}/node_modules/typescript/bin/tsc`;
  try {
    await promisify(execFile)(process.execPath, [compiler, ...parameters], { cwd: WEB });
  } catch (error) {
    throw new Error(`tsc ${parameters.join(' ')}\n${error.stdout}${error.stderr}`);
  }
}

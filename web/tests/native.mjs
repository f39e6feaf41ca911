// The command line, as it was built: what the page is compared with.

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

import { root } from './site.mjs';

/** A program of the workspace. */
export function program(name) {
  const path = root(`target/release/${name}`);
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: run \`cargo xtask build\``);
  }
  return path;
}

/** What `host-cli` prints. */
export async function hostCli(...parameters) {
  const { stdout } = await promisify(execFile)(program('host-cli'), parameters, { maxBuffer: 1 << 26 });
  return stdout;
}

/** Starts a server of `host-cli` and waits for the address that it prints first. */
export async function started(...parameters) {
  const child = spawn(program('host-cli'), parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  const errors = [];
  child.stderr.on('data', (piece) => errors.push(piece));
  const lines = createInterface({ input: child.stdout });
  const first = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`host-cli ended with ${code}: ${Buffer.concat(errors)}`)));
  });
  const [url] = first.match(/http:\/\/\S+/);
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGINT');
    await ended;
  };
  return { url: url.endsWith('/') ? url : `${url}/`, stop };
}

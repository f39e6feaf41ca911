// The built page, served on loopback for the tests.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { serve } from '../serve.mjs';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The project's folder of a path. */
export const root = at;
/** Screenshots go here, to be looked at. */
export const SHOTS = at('target/web/screenshots');

/** The page's list of what there is. */
export async function site() {
  const path = at('target/web/site/site.json');
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Error(`${path} is missing: run \`cargo xtask web\``);
  });
  return JSON.parse(text);
}

/** Serves the page. */
export { serve };

/** The files of a package's folder, as an archive has them. */
export async function filesOf(folder, below = '') {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  const files = entries.map(async (entry) => {
    const path = below ? `${below}/${entry.name}` : entry.name;
    return entry.isDirectory()
      ? filesOf(folder, path)
      : [{ path, content: await readFile(join(folder, path)) }];
  });
  return (await Promise.all(files)).flat();
}

/** A tar archive of files, `{ path, content, kind? }`, as POSIX ustar has it. */
export function tar(files) {
  const blocks = files.flatMap(({ path, content, kind = '0' }) => {
    const header = Buffer.alloc(512);
    const octal = (value, length) => `${value.toString(8).padStart(length - 1, '0')}\0`;
    header.write(path, 0, 100);
    header.write(octal(0o644, 8), 100);
    header.write(octal(0, 8), 108);
    header.write(octal(0, 8), 116);
    header.write(octal(content.length, 12), 124);
    header.write(octal(0, 12), 136);
    header.write('        ', 148);
    header.write(kind, 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

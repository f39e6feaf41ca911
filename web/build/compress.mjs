// Compressed twins beside the page's files, for servers that hand them out: `.br` and `.gz`.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

import { COMPRESSED } from './paths.mjs';

/** What is compressed already. */
const DENSE = /\.(png|jpe?g|webp|gif|br|gz)$/;

/** Brotli's twin is there where it has at most this share of gzip's bytes. */
const WORTH = 0.95;

/** Writes the twins; the sizes of the larger files, in bytes. */
export async function compress(site) {
  const paths = [];
  for (const entry of await readdir(site, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && !DENSE.test(path)) {
      paths.push(path);
    }
  }
  // Node compresses on several threads.
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const bytes = await readFile(path);
      const [brotli, zipped] = await Promise.all([packed(bytes, 'br'), packed(bytes, 'gz')]);
      const sizes = { plain: bytes.length, gzip: await twin(path, zipped, 'gz') };
      // Weights are all but random. To unpack them takes browsers three times as long from Brotli.
      const pays = (await stat(brotli)).size < WORTH * sizes.gzip;
      return { name: relative(site, path), ...sizes, ...(pays && { brotli: await twin(path, brotli, 'br') }) };
    }),
  );
  return sizes.filter(({ plain }) => plain > 10_000).sort((a, b) => b.plain - a.plain);
}

async function twin(path, kept, kind) {
  await copyFile(kept, `${path}.${kind}`);
  return (await stat(kept)).size;
}

/** The path of the bytes, compressed (`br` or `gz`) at most once. */
export async function packed(bytes, kind) {
  await mkdir(COMPRESSED, { recursive: true });
  const name = `${createHash('sha256').update(bytes).digest('hex')}.${kind}`;
  const kept = join(COMPRESSED, name);
  if (!(await stat(kept).catch(() => undefined))) {
    const packed = kind === 'br' ? await brotli(bytes) : await promisify(gzip)(bytes, { level: 9 });
    await writeFile(`${kept}.partial`, packed);
    await rename(`${kept}.partial`, kept);
  }
  return kept;
}

function brotli(bytes) {
  return promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

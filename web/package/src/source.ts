/** Where packages come from: folders, archives, files in memory. */

import { locate } from '#files';

import { ofThrown, PredictError } from './error.js';
import { content, type Reading } from './read.js';
import { looksLikeGraph, manifestOfGraph, support, unpack } from './support.js';
import type { PackageFile } from './types.js';

/**
 * A package: the path or URL of its folder or of its archive (`….tar`), an archive's bytes, or its
 * files. A bare graph (`….onnx`, or its bytes) is one, too: its instances are the graph's own inputs.
 */
export type ModelSource = string | URL | Uint8Array | ArrayBuffer | Blob | PackageFile[];

const MANIFEST = 'manifest.json';
const GRAPH = 'model.onnx';

/** The files of a package, not checked yet. */
export async function packageFiles(
  source: ModelSource,
  reading: Reading = {},
): Promise<PackageFile[]> {
  if (Array.isArray(source)) {
    return source;
  }
  if (typeof source === 'string' || source instanceof URL) {
    const url = typeof source === 'string' ? locate(source) : source;
    if (!/\.(tar|onnx)$/.test(url.pathname)) {
      return folder(url, reading);
    }
    return single(url.href, await content(url, url.href, undefined, reading));
  }
  const bytes = source instanceof Blob ? await source.arrayBuffer() : source;
  return single('the file', bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
}

/** The files of the package that one file is: an archive, or a bare graph. */
export async function single(name: string, bytes: Uint8Array): Promise<PackageFile[]> {
  await support();
  const isGraph = name.endsWith('.onnx') || looksLikeGraph(bytes.subarray(0, 2));
  try {
    return isGraph ? bare(name, bytes) : archive(name, bytes);
  } catch (thrown) {
    throw ofThrown(thrown);
  }
}

/** A package with nothing but a graph. */
function bare(name: string, onnx: Uint8Array): PackageFile[] {
  return [
    { path: MANIFEST, content: manifestOfGraph(name, onnx) },
    { path: GRAPH, content: onnx },
  ];
}

function archive(name: string, bytes: Uint8Array): PackageFile[] {
  return unpack(name, bytes).map((file) => {
    const unpacked = { path: file.path, content: file.take() };
    file.free();
    return unpacked;
  });
}

/** The files that a folder's manifest names. */
async function folder(url: URL, reading: Reading): Promise<PackageFile[]> {
  const base = url.href.endsWith('/') ? url : new URL(`${url.href}/`);
  const manifest = await content(new URL(MANIFEST, base), MANIFEST, undefined, reading);
  let named: { path: string; size: number }[];
  try {
    named = JSON.parse(new TextDecoder().decode(manifest)).files.map(
      ({ path, size }: { path: unknown; size: unknown }) => ({ path: String(path), size: Number(size) }),
    );
  } catch (cause) {
    const message = `${MANIFEST}: not a manifest; expected a JSON object with the list \`files\``;
    throw new PredictError('invalid-model', message, 'invalid-json', MANIFEST, undefined, { cause });
  }
  const files = named.map(async ({ path, size }) => {
    return { path, content: await content(new URL(path, base), path, size, reading) };
  });
  return [{ path: MANIFEST, content: manifest }, ...(await Promise.all(files))];
}

/** Files in Node: the file system, or whatever `fetch` reaches. */

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** The address that a text names: a URL, or a path. */
export function locate(text: string): URL {
  return /^(https?|file):/.test(text) ? new URL(text) : pathToFileURL(text);
}

/** Opens a file to read. */
export async function open(url: URL): Promise<Response> {
  if (url.protocol !== 'file:') {
    return fetch(url);
  }
  const headers = { 'content-type': url.pathname.endsWith('.wasm') ? 'application/wasm' : '' };
  return new Response(await readFile(url), { headers });
}

/** Reading bytes with progress, and saying what failed. */

import { open as openFile } from '#files';

import { PredictError } from './error.js';
import type { Progress } from './types.js';

/** Called while bytes arrive. */
export type OnProgress = (progress: Progress) => void;

/** Opens a file to read: the file system, `fetch`, or a cache before it. */
export type Open = (url: URL) => Promise<Response>;

/** How files are read. */
export interface Reading {
  onProgress?: OnProgress;
  /** In the place of `fetch`. */
  open?: Open;
}

/** Opens a file. A server's refusal is an error that names it. */
export async function opened(url: URL, { open = openFile }: Reading = {}): Promise<Response> {
  let response;
  try {
    response = await open(url);
  } catch (cause) {
    throw unreachable(url, 'it could not be read', cause);
  }
  if (!response.ok || response.body === null) {
    throw unreachable(url, `the server answered ${response.status}`);
  }
  return response;
}

/** The whole content of a file. `size` is what it should be, for progress. */
export async function content(
  url: URL,
  what: string,
  size: number | undefined,
  reading: Reading = {},
): Promise<Uint8Array> {
  const response = await opened(url, reading);
  let whole = new Uint8Array(size ?? 0);
  let loaded = 0;
  const tell = steps(what, size, reading);
  await each(response, (piece) => {
    const end = loaded + piece.length;
    if (end > whole.length) {
      const larger = new Uint8Array(Math.max(end, 2 * loaded));
      larger.set(whole.subarray(0, loaded));
      whole = larger;
    }
    whole.set(piece, loaded);
    loaded = end;
    tell(loaded);
  });
  return loaded === whole.length ? whole : whole.slice(0, loaded);
}

/** Bytes between two reports: a page that is told of every piece does little else. */
const STEP = 256 * 1024;

/** Reports how much of `what` is there, step by step and at its end. */
export function steps(what: string, total: number | undefined, { onProgress }: Reading): (loaded: number) => void {
  let told = -STEP;
  return (loaded) => {
    if (loaded - told >= STEP || loaded === total) {
      told = loaded;
      onProgress?.({ what, loaded, ...(total !== undefined && { total }) });
    }
  };
}

/** Hands over the pieces of a response as they arrive. */
export async function each(response: Response, take: (piece: Uint8Array) => void): Promise<void> {
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    take(value);
  }
}

function unreachable(url: URL, why: string, cause?: unknown): PredictError {
  const message = `${url.href}: ${why}; check the address, and that the server allows it`;
  return new PredictError('not-reachable', message, 'not-reachable', undefined, undefined, { cause });
}

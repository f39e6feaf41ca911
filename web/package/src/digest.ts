/** sha256, by the engine's own code where it has it: a page that is not secure has not. */

import { Hasher, support } from './support.js';

/** `sha256:` and 64 lower-case hexadecimal digits. */
export async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle) {
    const hash = new Uint8Array(await subtle.digest('SHA-256', bytes));
    return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
  await support();
  const hasher = new Hasher();
  hasher.update(bytes);
  return hasher.finish();
}

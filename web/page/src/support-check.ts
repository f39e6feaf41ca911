/** What the page needs of a browser, checked before anything is fetched. */

/** A module with one vector instruction: valid only where there are 128-bit vectors. */
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
);

/** What this browser lacks, in a sentence; nothing if all is there. */
export function lacking(): string | undefined {
  if (typeof WebAssembly === 'undefined' || typeof Worker === 'undefined') {
    return 'This browser has no WebAssembly or no workers. Any browser of the last three years has both.';
  }
  if (!WebAssembly.validate(SIMD)) {
    return 'This browser has no 128-bit vectors in WebAssembly (simd128), which the component is compiled for. Chrome 91, Firefox 89 and Safari 16.4 have them, and every later version.';
  }
  return undefined;
}

/** Numbers, digests and names for people. */

/** `12.3 ms`, `1.24 s`. */
export function time(milliseconds: number): string {
  if (milliseconds >= 1000) {
    return `${(milliseconds / 1000).toFixed(2)} s`;
  }
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
}

/** `22.1 MB`, `127 bytes`. */
export function size(bytes: number): string {
  if (bytes < 1e3) {
    return counted(bytes, 'byte');
  }
  const [unit, by] = bytes >= 1e6 ? ['MB', 1e6] : ['KB', 1e3];
  return `${(bytes / by).toFixed(bytes >= 1e8 || by === 1e3 ? 0 : 1)} ${unit}`;
}

/** `1 byte`, `12 bytes`. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** `99.4 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** The beginning and end of a digest. */
export function short(digest: string): string {
  const hex = digest.replace('sha256:', '');
  return `${hex.slice(0, 8)}…${hex.slice(-8)}`;
}

/** `trees`, `trees and net`, `trees, net and pair`. */
export function list(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** What is written in capitals wherever it stands. */
const CAPITALS = /\b(auc( pr| roc)?|id|mae|mse|rmse)\b/gi;

/** `customer_tx_count_1h` as words. */
export function words(name: string): string {
  const spaced = name.replaceAll(/[_-]+/g, ' ').trim();
  const capital = spaced.charAt(0).toUpperCase() + spaced.slice(1);
  return capital.replaceAll(CAPITALS, (it) => it.toUpperCase());
}

/** The bits of a binary32 in hexadecimal. */
export function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, '0');
}

/** The shortest decimal that gives a binary32 its bits back. */
export function decimal(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) {
      return String(Number(text));
    }
  }
  return String(value);
}

/** Bytes as text, in base64. */
export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

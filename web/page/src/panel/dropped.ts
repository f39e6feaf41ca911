/** Files that were dropped or chosen, with bounds before anything is read. */

import { size } from '../text.js';

/** The format's limits. */
const MOST_FILES = 64;
const MOST_BYTES = 3 * 2 ** 29;

/** A few files, with paths inside their package. */
export class Dropped {
  private constructor(
    readonly files: { path: string; file: File }[],
    readonly total: number,
  ) {}

  /** What an input of the page has. */
  static async chosen(list: FileList | null): Promise<Dropped> {
    const files = Array.from(list ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file }));
    return Dropped.#checked(files);
  }

  /** What was dropped, folders and all. */
  static async of(transfer: DataTransfer): Promise<Dropped> {
    // The list is gone after the first wait.
    const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.() ?? undefined);
    const plain = Array.from(transfer.files, (file) => ({ path: file.name, file }));
    const found = entries.filter((entry) => entry !== undefined);
    if (found.length === 0) {
      return Dropped.#checked(plain);
    }
    const files: { path: string; file: File }[] = [];
    for (const entry of found) {
      await walk(entry, '', files);
    }
    return Dropped.#checked(files);
  }

  static #checked(all: { path: string; file: File }[]): Dropped {
    // As in a package's folder: hidden files are not part of it.
    const files = inside(all).filter(({ path }) => !path.split('/').some((part) => part.startsWith('.')));
    if (files.length === 0) {
      throw new Error('there is no file in what was dropped; a package is a folder or a .tar archive');
    }
    if (files.length > MOST_FILES) {
      throw new Error(`more than ${MOST_FILES} files, which no package has`);
    }
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    if (total > MOST_BYTES) {
      throw new Error(`${size(total)}, at most ${size(MOST_BYTES)} are accepted`);
    }
    return new Dropped(files, total);
  }
}

/** A folder's own name is no part of the paths in it. */
function inside(files: { path: string; file: File }[]): { path: string; file: File }[] {
  const manifest = files.map(({ path }) => path).find((path) => /^([^/]+\/)*manifest\.json$/.test(path));
  const prefix = manifest?.replace(/manifest\.json$/, '') ?? '';
  return files.every(({ path }) => path.startsWith(prefix))
    ? files.map(({ path, file }) => ({ path: path.slice(prefix.length), file }))
    : files;
}

async function walk(
  entry: FileSystemEntry,
  prefix: string,
  files: { path: string; file: File }[],
): Promise<void> {
  if (files.length > MOST_FILES) {
    return;
  }
  const path = `${prefix}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    files.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (entries.length === 0) {
      return;
    }
    for (const inner of entries) {
      await walk(inner, `${path}/`, files);
    }
  }
}

/** Files in a browser: whatever `fetch` reaches. */

/** The address that a text names, beside the page or worker that asks. */
export function locate(text: string): URL {
  return new URL(text, globalThis.location?.href);
}

/** Opens a file to read. */
export function open(url: URL): Promise<Response> {
  return fetch(url);
}

/** A server that the visitor names: `host-cli serve`, or the function behind a URL. */

import type { Input } from './protocol.js';
import { base64 } from './text.js';

/** How long a server may take, in milliseconds: a cold function takes seconds. */
const PATIENCE = 30_000;
/** Hosts that a page may ask without TLS: this machine. */
const LOCAL = ['localhost', '127.0.0.1'];

/** What a server answered. */
export interface ServerAnswer {
  /** The parts that the component rendered. */
  rendered: Record<string, unknown>;
  /** Digests of what gave the answer, as the server tells them. */
  provenance: { package?: string; component?: string };
  /** Milliseconds, network and all. */
  took: number;
}

/** A server that is named without a path is `host-cli serve`. */
export function address(endpoint: string, model: string): URL {
  let url;
  try {
    url = new URL(endpoint);
  } catch {
    throw new Error(`“${endpoint}” is no URL; expected something like http://localhost:8080`);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Error(`“${endpoint}” is not an address of a server; expected http:// or https://`);
  }
  if (url.protocol === 'http:' && !LOCAL.includes(url.hostname) && url.origin !== location.origin) {
    throw new Error(`${url.host} is asked by https:// only; without it this page may ask servers on this machine (localhost, 127.0.0.1)`);
  }
  return url.pathname === '/' ? new URL(`models/${model}/predict`, url) : url;
}

/** Sends an input to a server. Throws what went wrong, and what to do. */
export async function ask(url: URL, input: Input): Promise<ServerAnswer> {
  const began = performance.now();
  const response = await sent(url, input);
  const text = await response.text();
  const took = performance.now() - began;
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    const what = url.origin === location.origin ? 'this page comes from there, but nothing that predicts is there' : 'it is no server of models';
    throw new Error(`${url.href} answered ${response.status}, and no JSON: ${what}; ${start()} starts one on http://localhost:8080`);
  }
  if (!response.ok) {
    const detail = answer?.detail ?? answer?.error ?? answer?.Message ?? text.slice(0, 200);
    throw new Error(`${url.href} answered ${response.status}: ${detail}`);
  }
  const [first] = Array.isArray(answer) ? answer : (answer?.predictions ?? [answer]);
  if (first === null || typeof first !== 'object') {
    throw new Error(`${url.href} answered something else than a prediction: ${text.slice(0, 80)}`);
  }
  const { provenance, timestamp: _, ...rendered } = first;
  return { rendered, provenance: provenance ?? {}, took };
}

async function sent(url: URL, input: Input): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: body(input),
      signal: AbortSignal.timeout(PATIENCE),
      credentials: 'omit',
    });
  } catch (error) {
    if ((error as DOMException).name === 'TimeoutError') {
      throw new Error(`${url.href} did not answer within ${PATIENCE / 1000} s`);
    }
    throw new Error(
      (await isThere(url))
        ? `${url.origin} is there, but does not let this page read its answers (CORS); start it with ${start()}, or set SAMEBITS_CORS for the function`
        : `nothing answers at ${url.origin}; is it running? ${start()} starts one on http://localhost:8080`,
    );
  }
}

/** The command for a server that lets this page read its answers. */
function start(): string {
  return `\`host-cli serve --cors ${location.origin}\``;
}

/** Whether a server is there that does not let this page read what it says. */
async function isThere(url: URL): Promise<boolean> {
  const how = { mode: 'no-cors', credentials: 'omit', signal: AbortSignal.timeout(5000) } as const;
  return fetch(url.origin, how).then(() => true, () => false);
}

/** What a server takes: a JSON object, whatever the model. */
function body(input: Input): string {
  switch (input.kind) {
    case 'json':
      return input.text;
    case 'text':
      return JSON.stringify({ text: input.text });
    case 'image':
      return JSON.stringify({ image: base64(input.bytes) });
  }
}

/**
 * Works offline: keeps the page's own files as of one build. The component and the packages are
 * kept by the worker that loads them (`store.ts`); what no build names any more is dropped here.
 */

import { BYTES } from './store.js';

declare const self: ServiceWorkerGlobalScope;
/** The page's files, and the digest of their list. The build writes both. */
declare const SHELL: string[];
declare const VERSION: string;

const NAME = `page-${VERSION}`;

self.addEventListener('install', (event) => {
  event.waitUntil(install());
});

self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const own = url.href.startsWith(self.registration.scope);
  if (request.method === 'GET' && own && !url.pathname.includes('/packages/')) {
    event.respondWith(answer(request));
  }
});

async function install(): Promise<void> {
  const cache = await caches.open(NAME);
  const fresh = SHELL.map((path) => new Request(path, { cache: 'no-cache' }));
  await cache.addAll(fresh);
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('page-') && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  const list = await (await caches.open(NAME)).match('site.json');
  const { component, models } = await list!.json();
  const named = [component.url, ...models.map(({ base }: { base: string }) => base)];
  const bytes = await caches.open(BYTES);
  for (const request of await bytes.keys()) {
    const isNamed = named.some((path) => request.url.includes(`/${path}`));
    if (!isNamed && !SHELL.some((path) => request.url.endsWith(path))) {
      await bytes.delete(request);
    }
  }
  await self.clients.claim();
}

/** The network first for the page itself, so that a new build is seen; everything else as kept. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (request.mode !== 'navigate') {
    return kept ?? fetch(request);
  }
  try {
    return await fetch(request);
  } catch (error) {
    const page = kept ?? (await cache.match('./'));
    if (page) {
      return page;
    }
    throw error;
  }
}

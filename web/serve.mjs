// Serves the built page for a look at it, as a good host would: compressed twins, types, and the
// security headers.
//
//     node serve.mjs [PORT]

import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const SITE = fileURLToPath(new URL('../target/web/site', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};
const ENCODINGS = [['br', 'br'], ['gzip', 'gz']];

/** Serves a page on a port of loopback (0: any). `onRequest` may answer by itself. */
export async function serve(port = 0, onRequest = () => false, site = SITE) {
  const rules = headerRules(await readFile(join(site, '_headers'), 'utf8'));
  const server = createServer((request, response) => {
    if (onRequest(request, response)) {
      return;
    }
    answer(request, response, site, rules).catch(() => response.writeHead(500).end());
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

async function answer(request, response, site, rules) {
  const { pathname } = new URL(request.url, 'http://localhost');
  const path = pathname === '/' ? '/index.html' : decodeURIComponent(pathname);
  const file = join(site, normalize(path));
  const found = file.startsWith(site) && (await stat(file).catch(() => undefined));
  if (!found?.isFile()) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
    return;
  }
  const headers = { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', vary: 'accept-encoding' };
  for (const [pattern, extra] of rules) {
    const applies = pattern.endsWith('*') ? pathname.startsWith(pattern.slice(0, -1)) : pathname === pattern;
    Object.assign(headers, applies && extra);
  }
  const accepted = String(request.headers['accept-encoding']).split(/, ?/);
  let sent = file;
  for (const [encoding, extension] of ENCODINGS) {
    if (accepted.includes(encoding) && (await stat(`${file}.${extension}`).catch(() => undefined))) {
      sent = `${file}.${extension}`;
      headers['content-encoding'] = encoding;
      break;
    }
  }
  headers['content-length'] = (await stat(sent)).size;
  response.writeHead(200, headers);
  if (request.method === 'HEAD') {
    response.end();
  } else {
    createReadStream(sent).pipe(response);
  }
}

/** The rules of `_headers`: a path, and under it indented headers. */
function headerRules(text) {
  const rules = [];
  for (const line of text.split('\n').filter((line) => line.trim())) {
    if (line.startsWith('/')) {
      rules.push([line.trim(), {}]);
    } else {
      const at = line.indexOf(':');
      rules.at(-1)[1][line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
    }
  }
  return rules;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve(Number(process.argv[2] ?? 8000));
  console.log(`the page is at ${url}`);
}

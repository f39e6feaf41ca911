// A page that is published with a key: it judges its packages by itself.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { hostCli } from './native.mjs';
import { root, serve, SHOTS } from './site.mjs';
import { accessible, chromium, fits, PHONE, reads } from './visitor.mjs';

const run = promisify(execFile);
const it = chromium();
let folder;
let key;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samebits-trust-'));
  key = await newKey('release');
});
after(() => rm(folder, { recursive: true, force: true }));

/** A pair of keys, by their paths. */
async function newKey(name) {
  const [secret, open] = [join(folder, `${name}.pem`), join(folder, `${name}.pub.pem`)];
  await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', secret]);
  await run('openssl', ['pkey', '-in', secret, '-pubout', '-out', open]);
  return { secret, open };
}

/** A bundled package, signed; its folder, and who signed it. */
async function signed(name, { secret }, place = 'signed') {
  const copy = join(folder, place, name);
  await cp(root(`models/${name}/package`), copy, { recursive: true });
  const said = await hostCli('sign', copy, '--key', secret);
  return { copy, hint: /with the key ([0-9a-f]{64})/.exec(said)[1] };
}

/** Builds a page; its folder, and what the build said. */
async function built(name, ...parameters) {
  const site = join(folder, name);
  const build = [root('web/build/main.mjs'), '--plain', '--output', site, ...parameters];
  const { stdout } = await run(process.execPath, build, { cwd: root('web') });
  return { site, stdout };
}

async function served(site, onRequest, look) {
  const { server, url } = await serve(0, onRequest, site);
  try {
    await look(url);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const row = (page) => page.locator('.proof .identity').last();

test('a page with a key says who signed its packages, which are not signed, and which were changed', async () => {
  const [fraud, digits] = await Promise.all([signed('fraud', key), signed('digits', key)]);
  const packages = ['--package', fraud.copy, '--package', digits.copy];
  const { site, stdout } = await built('site', '--trust', key.open, ...packages);
  assert.match(stdout, /^sentiment is not signed, and the page says so$/m);
  // In the place of the bundled ones, with their examples.
  const { models, policy } = JSON.parse(await readFile(join(site, 'site.json'), 'utf8'));
  assert.deepEqual(models.map(({ name }) => name), ['digits', 'fraud', 'photos', 'sentiment']);
  assert.ok(models.every(({ examples }) => examples.length > 0));
  assert.deepEqual(policy, { kind: 'key', text: await readFile(key.open, 'utf8') });

  const change = (request, response) => {
    if (!/digits\/.*model\.sig$/.test(request.url)) {
      return false;
    }
    void readFile(join(digits.copy, 'model.sig'), 'utf8').then((text) => {
      const changed = text.replace(/"payload":"(.{40})./, (_, start) => `"payload":"${start}A`);
      assert.notEqual(changed, text);
      response.writeHead(200).end(changed);
    });
    return true;
  };
  await served(site, change, async (url) => {
    const { page, leave } = await it.visit('#fraud', PHONE, url);
    await reads(row(page).locator('.good'), /signed by the key published with this page$/);
    await reads(row(page), new RegExp(`key ${fraud.hint} \\(ECDSA P-256\\); 3 files as signed`));
    await row(page).getByText('Show the key published with this page').click();
    assert.equal(await row(page).locator('pre').innerText(), policy.text.trim());
    await accessible(page, 'a good signature');
    await fits(page, 'a good signature on a phone');
    await page.screenshot({ path: `${SHOTS}/published-key.png`, fullPage: true });

    // Beside it, any other key still is what the visitor trusts.
    const other = await newKey('other');
    await row(page).getByText('Check it with a key that you trust').click();
    await row(page).getByRole('textbox').fill(await readFile(other.open, 'utf8'));
    await row(page).getByRole('button', { name: 'Check the signature' }).click();
    await reads(row(page).locator('.notice'), /which the trust policy does not name/);

    await page.locator('#tab-sentiment').click();
    await reads(row(page).locator('.bad'), /✗ not signed: there is no model\.sig.* unsigned-model$/);
    await page.locator('#tab-digits').click();
    await reads(row(page).locator('.bad'), /✗ the signature does not hold: .* invalid-signature$/);
    await accessible(page, 'a signature that does not hold');
    await page.locator('#tab-fraud').click();
    await reads(row(page).locator('.good'), /signed by the key/);
    await leave();
  });
});

test('a policy is published in one piece, and may take models unsigned', async () => {
  const fraud = await signed('fraud', key, 'policy');
  const rules = [
    { models: ['fraud'], keys: ['release.pub.pem'] },
    { models: ['digits'], unsigned: true },
  ];
  const path = join(folder, 'trust.json');
  await writeFile(path, JSON.stringify({ format: 'samebits-trust/1', rules }));
  const { site } = await built('with-policy', '--trust', path, '--package', fraud.copy);
  await served(site, undefined, async (url) => {
    const { page, leave } = await it.visit('#fraud', undefined, url);
    await reads(row(page).locator('.good'), /somebody whom the trust policy published with this page trusts with this model/);
    await page.locator('#tab-digits').click();
    await reads(row(page), /not signed: the trust policy published with this page takes this model so/);
    assert.equal(await row(page).locator('.bad').count(), 0);
    await leave();
  });
});

test('root certificates say whom they certify', async () => {
  const at = (name) => join(folder, name);
  const openssl = (...parameters) => run('openssl', parameters);
  const next = await newKey('signer');
  const extensions = 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nsubjectAltName=email:release@example.com\n';
  await writeFile(at('signer.ext'), extensions);
  await openssl('req', '-x509', '-new', '-key', key.secret, '-subj', '/CN=root', '-days', '9', '-out', at('root.crt'));
  await openssl('req', '-new', '-key', next.secret, '-subj', '/CN=signer', '-out', at('signer.csr'));
  const by = ['-CA', at('root.crt'), '-CAkey', key.secret, '-CAcreateserial'];
  await openssl('x509', '-req', '-in', at('signer.csr'), ...by, '-days', '9', '-extfile', at('signer.ext'), '-out', at('signer.crt'));
  const copy = join(folder, 'certified/fraud');
  await cp(root('models/fraud/package'), copy, { recursive: true });
  await hostCli('sign', copy, '--key', next.secret, '--certificate', at('signer.crt'));
  const { site } = await built('with-root', '--trust', at('root.crt'), '--package', copy);
  await served(site, undefined, async (url) => {
    const { page, leave } = await it.visit('#fraud', undefined, url);
    await reads(row(page).locator('.good'), /signed by somebody whom the root certificates published with this page certify/);
    await reads(row(page), /release@example\.com.*\(ECDSA P-256\); 3 files as signed/);
    await leave();
  });
});

test('the same package signed by somebody else has another address: caches keep what they fetch', async () => {
  const base = async (site) => {
    const { models } = JSON.parse(await readFile(join(site, 'site.json'), 'utf8'));
    return models.find(({ name }) => name === 'fraud').base;
  };
  const [mine, theirs] = [await signed('fraud', key, 'mine'), await signed('fraud', await newKey('next'), 'theirs')];
  const first = await built('first', '--package', mine.copy);
  const second = await built('second', '--package', theirs.copy);
  assert.notEqual(await base(first.site), await base(second.site));
});

test('a page that contradicts itself, or gives a secret away, is not built', async () => {
  const fraud = await signed('fraud', await newKey('stranger'), 'stranger');
  const refused = async (expected, ...parameters) => {
    const error = await built('refused', ...parameters).then(() => undefined, (error) => error);
    assert.match(error?.stderr ?? 'it was built', expected);
    // Nothing that somebody could publish is left.
    assert.ok(!(await readdir(join(folder, 'refused')).catch(() => [])).includes('index.html'));
  };
  await refused(/^error: fraud: .*which the trust policy does not name/, '--trust', key.open, '--package', fraud.copy);
  await refused(/^error: .*release\.pem has a private key, which must never be published/, '--trust', key.secret);
  await writeFile(join(folder, 'no-key.txt'), 'hello');
  await refused(/^error: .*no-key\.txt: .*PEM/, '--trust', join(folder, 'no-key.txt'));
  await writeFile(join(folder, 'broken.json'), '{"rules": [');
  await refused(/^error: .*broken\.json is no trust policy/, '--trust', join(folder, 'broken.json'));
  const secret = { format: 'samebits-trust/1', rules: [{ models: ['*'], keys: ['release.pem'] }] };
  await writeFile(join(folder, 'secret.json'), JSON.stringify(secret));
  await refused(/^error: .*secret\.json has a private key/, '--trust', join(folder, 'secret.json'));
  await refused(/^error: .*is no package: it has no manifest\.json/, '--package', join(folder, 'signed'));
});

/**
 * Who signed a package: what its signature claims, and whether that holds, by what was published with
 * the page or by a key of the visitor's.
 */

import { el } from '../dom.js';
import { CallError } from '../engine.js';
import type { Claim, Policy, Signature } from '../protocol.js';
import type { Session } from '../session.js';
import { Notice } from './notice.js';
import { verdict } from './verdict.js';

/** A key is a few hundred bytes, a policy at most 1 MiB. */
const LARGEST = 1 << 20;

/** Failures that say nothing about a signature: it could not be looked at. */
const UNCHECKED = ['not-reachable', 'stopped', 'internal', 'not-loaded'];

/** What may be published, in words. */
const PUBLISHED = {
  key: 'the key published with this page',
  certificates: 'the root certificates published with this page',
  policy: 'the trust policy published with this page',
};

/** The row about the signature, in the list of identities. `policy` is for the page's own packages. */
export function signatureRow(session: Session, policy: Policy | undefined): HTMLElement {
  const { signed } = session.opened;
  const row = el('div', { class: 'identity' }, el('dt', {}, 'Signature'));
  if (session.bundled && policy) {
    row.append(...judged(session, policy));
  } else if (signed) {
    row.append(el('dd', {}, claimed(signed)));
  } else {
    row.append(el('dd', { class: 'muted' }, 'none: there is no model.sig, so nobody says that they made it'));
  }
  if (signed) {
    row.append(...ownCheck(session));
  }
  return row;
}

/** The verdict by what was published with the page, and what that is. */
function judged(session: Session, policy: Policy): HTMLElement[] {
  const published = PUBLISHED[policy.kind];
  const place = el('div', { role: 'status' }, el('p', { class: 'muted' }, 'checking…'));
  session.judge(policy).then(
    (signature) => place.replaceChildren(...holds(signature, policy)),
    (error) => place.replaceChildren(refused(error, published)),
  );
  const shown = el(
    'details',
    {},
    el('summary', {}, `Show ${published}`),
    el('p', { class: 'muted' }, 'It comes from where the page comes from. To be independent of that place, check with what the signer gave you.'),
    el('pre', { class: 'json', tabindex: 0, 'aria-label': published }, policy.text.trim()),
  );
  return [el('dd', {}, place), el('dd', {}, shown)];
}

function holds({ signer, algorithm, files }: Signature, { kind }: Policy): HTMLElement[] {
  const published = PUBLISHED[kind];
  if (signer === undefined) {
    return [el('p', { class: 'muted' }, `not signed: ${published} takes this model so`)];
  }
  const who = {
    key: `signed by ${published}`,
    certificates: `signed by somebody whom ${published} certify`,
    policy: `signed by somebody whom ${published} trusts with this model`,
  }[kind];
  const hint = el('code', { class: 'digest' }, signer.replace(/^the key /, ''));
  const named = signer.startsWith('the key ') ? ['key ', hint] : [signer];
  return [
    verdict(true, who),
    el('p', { class: 'muted' }, ...named, ` ${algorithm ? `(${algorithm})` : ''}; ${files} files as signed`),
  ];
}

function refused(error: unknown, published: string): HTMLElement {
  const failure = error instanceof CallError ? error.failure : undefined;
  const message = failure?.message ?? String(error);
  if (!failure || UNCHECKED.includes(failure.code)) {
    return verdict(false, `not checked: ${message}`);
  }
  const why =
    failure.code === 'unsigned-model'
      ? `not signed: there is no model.sig, so nobody says that they made it, and ${published} says nothing about it`
      : `the signature does not hold: ${message}`;
  return verdict(false, `${why} `, el('code', {}, failure.code));
}

/** A check with what the visitor trusts. */
function ownCheck(session: Session): HTMLElement[] {
  const verdict = new Notice();
  const key = el('textarea', {
    rows: 4,
    spellcheck: 'false',
    class: 'values',
    'aria-label': 'Public key, root certificates or trust policy',
    placeholder: '-----BEGIN PUBLIC KEY-----',
    maxlength: LARGEST,
  });
  const file = el('input', {
    type: 'file',
    class: 'visually-hidden',
    tabindex: -1,
    'aria-label': 'Key file',
    onchange: async () => {
      const [chosen] = file.files ?? [];
      if (chosen && chosen.size <= LARGEST) {
        key.value = await chosen.text();
        await check();
      } else if (chosen) {
        verdict.fail(new Error(`${chosen.name} has ${chosen.size} bytes, which no key has`));
      }
      file.value = '';
    },
  });
  const check = async () => {
    verdict.say('checking…');
    try {
      const take = { key: session.key, policy: key.value };
      const { signer, algorithm, files } = await session.engine.call('checkSignature', take, { limit: 30_000 });
      verdict.good(
        signer === undefined
          ? 'the policy takes this model unsigned'
          : `signed by ${signer}${algorithm ? ` (${algorithm})` : ''}; ${files} files as signed`,
      );
    } catch (error) {
      verdict.fail(error);
    }
  };
  const form = el(
    'details',
    {},
    el('summary', {}, 'Check it with a key that you trust'),
    el('p', { class: 'muted' }, 'A public key or root certificates in PEM, or a trust policy. It stays in this tab.'),
    key,
    el(
      'div',
      { class: 'tools' },
      el('button', { type: 'button', onclick: () => void check() }, 'Check the signature'),
      el('button', { type: 'button', class: 'quiet', onclick: () => file.click() }, 'Choose a file'),
      file,
    ),
  );
  return [el('dd', {}, form), el('dd', {}, verdict.root)];
}

function claimed(claim: Claim): HTMLElement {
  switch (claim.by) {
    case 'key':
      return el('span', {}, 'says: by the key ', el('code', { class: 'digest' }, claim.hint), ', not checked yet');
    case 'certificate':
      return el('span', {}, 'says: by the holder of a certificate, not checked yet');
    case 'unknown':
      return el('span', {}, 'there, but it names no key and no certificate');
  }
}

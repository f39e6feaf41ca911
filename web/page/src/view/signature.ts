/** Who signed a package: what its signature claims, and whether that holds for a key of the visitor's. */

import { el } from '../dom.js';
import type { Claim } from '../protocol.js';
import type { Session } from '../session.js';
import { Notice } from './notice.js';

/** A key is a few hundred bytes, a policy at most 1 MiB. */
const LARGEST = 1 << 20;

/** The row about the signature, in the list of identities. */
export function signatureRow(session: Session): HTMLElement {
  const { signed } = session.opened;
  const row = el('div', { class: 'identity' }, el('dt', {}, 'Signature'));
  if (!signed) {
    row.append(el('dd', { class: 'muted' }, 'none: there is no model.sig, so nobody says that they made it'));
    return row;
  }
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
  row.append(
    el('dd', {}, claimed(signed)),
    el(
      'dd',
      {},
      el(
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
      ),
    ),
    el('dd', {}, verdict.root),
  );
  return row;
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

/** Signatures: what they claim, and whether they hold. The module that checks is fetched when asked for. */

import type { Claim, Signature } from './protocol.js';
import initialise, { check } from './generated/trust.js';

let ready: Promise<unknown> | undefined;

/** Who a signature says that it is from. Only for people to see before they check it. */
export function claimOf(signature: Uint8Array | undefined): Claim | undefined {
  if (!signature) {
    return undefined;
  }
  try {
    const { verificationMaterial: material } = JSON.parse(new TextDecoder().decode(signature));
    const hint = material?.publicKey?.hint;
    if (typeof hint === 'string') {
      return { by: 'key', hint: hint.slice(0, 64) };
    }
    return material?.x509CertificateChain || material?.certificate ? { by: 'certificate' } : { by: 'unknown' };
  } catch {
    return { by: 'unknown' };
  }
}

/** Checks a signature by the rules of native hosts. Throws the first reason not to trust. */
export async function checkSignature(
  module: () => Promise<Response>,
  policy: string,
  signature: Uint8Array | undefined,
  model: string,
  digests: string[],
): Promise<Signature> {
  ready ??= module().then(async (response) => initialise({ module_or_path: await response.arrayBuffer() }));
  await ready.catch((error) => {
    ready = undefined;
    throw error;
  });
  const trusted = check(policy, signature, model, digests);
  const { signer, algorithm, files } = trusted;
  trusted.free();
  return { files, ...(signer !== undefined && { signer }), ...(algorithm !== undefined && { algorithm }) };
}

/** Inputs to begin with, of a package that comes without any: those of its reference cases. */

import type { Engine } from './engine.js';
import type { Example, Opened } from './protocol.js';

/** So many of the cases are offered: pictures take less room than names and sentences. */
const MOST = { tabular: 4, image: 8, text: 4 };
/** Longer inputs are no examples for people: characters of JSON. */
const LONGEST = 8 << 20;

/** The first few inputs that a panel can show. */
export async function examplesOf(engine: Engine, key: string, opened: Opened): Promise<Example[]> {
  const { caseNames, modality } = opened;
  if (modality === 'tensors') {
    return [];
  }
  const cases = caseNames.slice(0, MOST[modality]).map(async (title, index): Promise<Example[]> => {
    const text = await engine.call('caseInput', { key, index });
    const example = text.length > LONGEST ? undefined : exampleOf(modality, title, JSON.parse(text));
    return example ? [example] : [];
  });
  return (await Promise.all(cases)).flat();
}

function exampleOf(
  modality: 'tabular' | 'image' | 'text',
  title: string,
  input: Record<string, unknown>,
): Example | undefined {
  switch (modality) {
    case 'tabular':
      return { title, fields: input };
    case 'image':
      return typeof input.image === 'string' ? { title, picture: picture(input.image) } : undefined;
    case 'text':
      return typeof input.text === 'string' && input.text.trim() ? { title, text: input.text } : undefined;
  }
}

/** A picture that lies in a case in base64. */
function picture(text: string): Blob {
  return new Blob([Uint8Array.from(atob(text), (it) => it.charCodeAt(0))]);
}

// What the build is told on its command line.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { SITE } from './paths.mjs';

const { values } = parseArgs({
  options: {
    package: { type: 'string', multiple: true, default: [] },
    trust: { type: 'string' },
    output: { type: 'string' },
    plain: { type: 'boolean', default: false },
  },
});

/** Each is an option of the same name; `main.mjs` says what they do. */
export const options = values;

/** Where the page goes. */
export const OUTPUT = values.output ? resolve(values.output) : SITE;

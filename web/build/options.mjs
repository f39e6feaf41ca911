// What the build is told on its command line.

import { parseArgs } from 'node:util';

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

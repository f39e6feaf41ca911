/** What the page reads of a package's manifest. `docs/package.md` has the whole. */

import type { Prediction, Tensor } from '../../package/dist/index.js';

/** A field of a tabular instance. */
export interface Field {
  name: string;
  type: 'number' | 'integer' | 'boolean' | 'string' | 'category' | 'timestamp';
  role?: 'id';
  min?: number;
  max?: number;
  values?: string[];
  max_length?: number;
  default?: unknown;
  training_range?: [number, number];
  unit?: string;
  description?: string;
}

/** The manifest. */
export interface Manifest {
  name: string;
  version: string;
  task: string;
  description?: string;
  license: string;
  files: { path: string; role: string; size: number }[];
  /** Absent where the graph's inputs, or the members of an ensemble, say it all. */
  input?: { fields?: Field[]; image?: { ink?: object }; text?: { max_tokens: number; pair?: boolean } };
  output: {
    labels?: string[];
    probabilities?: string;
    activation?: 'softmax' | 'sigmoid';
    score?: { name: string; label?: string };
  };
  /** In the place of a graph: the packages whose answers are combined. */
  ensemble?: {
    members: { name: string; weight?: number }[];
    combine: 'average' | 'weighted' | 'vote' | 'stacked';
    stacker?: string;
  };
  decision?: { rules: { above: number; action: string }[]; otherwise: string };
  training?: {
    data: string;
    period?: string;
    metrics?: Record<string, number>;
    libraries?: Record<string, string>;
  };
}

/** The probability of every label, in the order of the labels; none for other tasks. */
export function probabilities(manifest: Manifest, prediction: Prediction): Float32Array | undefined {
  const { labels, probabilities, activation } = manifest.output;
  const tensor = prediction.outputs.find(({ name }) => name === probabilities);
  if (!labels || tensor?.elementType !== 'float32') {
    return undefined;
  }
  const values = floats(tensor);
  if (values.length !== labels.length) {
    return undefined;
  }
  // For the bars only: the answer itself has its own, by the component.
  if (activation === 'softmax') {
    const most = Math.max(...values);
    const shares = values.map((value) => Math.exp(value - most));
    const sum = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => share / sum);
  }
  return activation === 'sigmoid' ? values.map((value) => 1 / (1 + Math.exp(-value))) : values;
}

/** What a member of an ensemble answered by itself. */
export interface Opinion {
  name: string;
  score: number;
  label: string | undefined;
}

/** What each member of an ensemble answered, in their order; nothing for other models. */
export function opinions(manifest: Manifest, prediction: Prediction): Opinion[] {
  const named = manifest.ensemble?.members ?? [];
  if (named.length === 0) {
    return [];
  }
  const key = manifest.output.score?.name ?? 'score';
  const { members } = JSON.parse(prediction.json);
  return named.map(({ name }) => ({ name, score: members[name][key], label: members[name].label }));
}

/** The elements of a binary32 tensor. */
export function floats({ data }: Tensor): Float32Array {
  return new Float32Array(data.slice().buffer);
}

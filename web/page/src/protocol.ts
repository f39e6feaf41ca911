/** What page and worker say to each other. */

import type {
  CaseResult,
  Description,
  ErrorKind,
  PackageFile,
  Prediction,
  Progress,
} from '../../package/dist/index.js';

/** A bundled package as the page's list has it. */
export interface Bundled {
  name: string;
  version: string;
  task: string;
  /** The published digest. */
  digest: string;
  base: string;
  files: { path: string; size: number }[];
  examples: Example[];
}

/** An input to begin with. A picture is an address, or the file itself. */
export type Example =
  | { title: string; picture: string | Blob }
  | { title: string; fields: Record<string, unknown> }
  | { title: string; text: string };

/** The page's list of what there is: `site.json`. */
export interface Site {
  component: { digest: string; url: string; size: number };
  support: string;
  trust: string;
  /** By what the signatures of the bundled packages are judged, if it was published with the page. */
  policy?: Policy;
  worker: string;
  models: Bundled[];
}

/** A public key, root certificates or a trust policy, as text. */
export interface Policy {
  kind: 'key' | 'certificates' | 'policy';
  text: string;
}

/** An instance on its way to the worker. */
export type Input =
  | { kind: 'json'; text: string }
  | { kind: 'text'; text: string }
  | { kind: 'image'; bytes: Uint8Array };

/** Where a package comes from. */
export type Origin =
  | { kind: 'bundled'; base: string; files: { path: string; size: number }[] }
  | { kind: 'file'; name: string; bytes: Uint8Array }
  | { kind: 'files'; files: PackageFile[] };

/** The compiled component. */
export interface Started {
  module: WebAssembly.Module;
  /** Computed from the bytes that were compiled. */
  digest: string;
  published: string;
  /** What the module asks of its host, as the browser lists it. */
  imports: string[];
  download: number;
  compile: number;
  /** Bytes of the module as they came over the network, where the browser tells. */
  wire?: number;
  /** True if the bytes came from this browser's own cache. */
  cached: boolean;
}

/** A loaded model. */
export interface Opened {
  description: Description;
  digest: string;
  modality: 'tabular' | 'image' | 'text' | 'tensors';
  /** The packages in an ensemble, each with its manifest's text. */
  members: { name: string; manifest: string }[];
  caseNames: string[];
  /** Who says that they signed the package, if anybody does. Nobody has checked it yet. */
  signed: Claim | undefined;
  bytes: number;
  /** Milliseconds. */
  fetch: number;
  load: number;
  cached: boolean;
}

/** What a signature says of its signer. */
export type Claim = { by: 'key'; hint: string } | { by: 'certificate' } | { by: 'unknown' };

/** A signature that was checked. */
export interface Signature {
  /** Absent if the policy takes the model unsigned. */
  signer?: string;
  algorithm?: string;
  /** How many files it covers. */
  files: number;
}

/** What a graph was given. */
export type Shown =
  | { kind: 'pixels'; width: number; height: number; rgba: Uint8Array<ArrayBuffer> }
  | { kind: 'tokens'; tokens: string[] };

/** The same; in an ensemble, it is what the graphs of the members `by` were given. */
export type Seen = Shown & { by: string[] };

/** An answer. */
export interface Predicted {
  prediction: Prediction;
  /** Milliseconds in the sandbox. */
  milliseconds: number;
  /** More than one where members of an ensemble prepare their inputs in different ways. */
  seen: Seen[];
}

/** A failure, as it crosses between threads. */
export interface Failure {
  kind: ErrorKind | 'internal';
  code: string;
  message: string;
  field?: string;
}

/** Each call, what it takes and what it gives. */
export interface Calls {
  start: { take: { site: Site; base: string; module?: Started }; give: Started };
  open: { take: { key: string; origin: Origin }; give: Opened };
  /** Writes what was fetched into this browser's cache. */
  keep: { take: undefined; give: void };
  predict: { take: { key: string; input: Input; look: boolean }; give: Predicted };
  predictMany: { take: { key: string; inputs: Input[] }; give: (Prediction | Failure)[] };
  caseInput: { take: { key: string; index: number }; give: string };
  /** `policy` is a public key, root certificates or a trust policy, as text. */
  checkSignature: { take: { key: string; policy: string }; give: Signature };
  verifyCase: { take: { key: string; index: number }; give: CaseResult };
  draw: {
    take: { size: number; pen: number; points: Float32Array; lengths: Uint32Array };
    give: Uint8Array<ArrayBuffer>;
  };
  png: { take: { width: number; height: number; rgba: Uint8Array }; give: Uint8Array<ArrayBuffer> };
}

/** Page to worker. */
export type Request = {
  [Name in keyof Calls]: { id: number; name: Name; take: Calls[Name]['take'] };
}[keyof Calls];

/** Worker to page. */
export type Reply =
  | { id: number; kind: 'done'; give: unknown }
  | { id: number; kind: 'failed'; failure: Failure }
  | { id: number; kind: 'progress'; progress: Progress };

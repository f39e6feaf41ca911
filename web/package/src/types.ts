/** The interface's types, as `wit/predictor.wit` declares them. */

/** The type of a tensor's elements: little-endian, densely packed, row-major. */
export type ElementType =
  | 'bool' | 'uint8' | 'uint16' | 'uint32' | 'uint64' | 'int8' | 'int16' | 'int32' | 'int64'
  | 'float16' | 'float32' | 'float64' | 'string' | 'bfloat16'
  | 'float8e4m3fn' | 'float8e4m3fnuz' | 'float8e5m2' | 'float8e5m2fnuz' | 'float8e8m0'
  | 'float4e2m1' | 'int4' | 'uint4' | 'int2' | 'uint2';

/** A named tensor. */
export interface Tensor {
  name: string;
  elementType: ElementType;
  /** The extent of each dimension; empty for a scalar. */
  shape: BigUint64Array;
  /** The elements. */
  data: Uint8Array;
}

/** A tensor as the graph declares it. */
export interface TensorType {
  name: string;
  elementType: ElementType;
  /** The extent of each dimension: a number, or a name such as `N` where it may vary. */
  shape: string[];
}

/** Who a loaded model is and what it takes and gives. */
export interface Description {
  name: string;
  /** SemVer. */
  version: string;
  /** Such as `tabular-classification`. */
  task: string;
  /** `sha256:<hex>` of the manifest, which names the whole package. */
  package: string;
  inputs: TensorType[];
  outputs: TensorType[];
  /** In the order of the probabilities; empty if the task has none. */
  labels: string[];
  /** The operators of the graph, each once. */
  operators: string[];
  /** Operations that one instance takes, where that follows from the shapes. */
  operations?: bigint;
  /** The manifest (JSON). */
  manifest: string;
}

/** What was predicted for one instance. */
export interface Prediction {
  /** The answer as one JSON object, the same text on every host. */
  json: string;
  label?: string;
  /** Its binary32 bits are the answer. */
  score?: number;
  action?: string;
  /** This instance's rows of the graph's outputs, without the batch dimension. */
  outputs: Tensor[];
  warnings: string[];
}

/** A JSON instance as the text that is to be read: `JSON.stringify` writes -0 as 0. */
export class JsonText {
  constructor(readonly text: string) {}
}

/**
 * One thing to predict: the fields of a tabular model as an object (or as {@link JsonText}), a text
 * as a string, a picture as its encoded bytes (JPEG, PNG, WebP, GIF or BMP).
 */
export type Instance = string | Uint8Array | JsonText | { readonly [field: string]: unknown };

/** One file of a package. */
export interface PackageFile {
  /** Relative, `/` between its parts. */
  path: string;
  content: Uint8Array;
}

/** Where a difference between an answer and a reference case lies. */
export interface CaseDifference {
  /** `score`, `outputs.probabilities`, `json`, … */
  part: string;
  expected?: string;
  found?: string;
}

/** What a reference case gave here. */
export interface CaseResult {
  name: string;
  /** Nothing, if every bit is as expected. */
  differences: CaseDifference[];
  /** Absent if the model refused the input. */
  prediction?: Prediction;
}

/** How far a download is. */
export interface Progress {
  /** `component` or a file of the package. */
  what: string;
  /** Bytes so far, decompressed. */
  loaded: number;
  /** All bytes, where that is known. */
  total?: number;
}

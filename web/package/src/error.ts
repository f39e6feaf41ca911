/** What goes wrong, with a stable code and the file or field at fault. */

/** The interface's `problem`. */
interface Problem {
  message: string;
  code: string;
  file?: string;
  field?: string;
}

/** The interface's cases of `error`, what reading a package gives, and a sandbox that broke. */
export type ErrorKind =
  | 'invalid-input'
  | 'unsupported-input'
  | 'too-large'
  | 'invalid-model'
  | 'unsupported-model'
  | 'invalid-state'
  | 'inference-failed'
  | 'not-reachable'
  | 'sandbox-broken';

/** Why a model could not be loaded, or an instance not be predicted. */
export class PredictError extends Error {
  override readonly name = 'PredictError';

  constructor(
    readonly kind: ErrorKind,
    message: string,
    /** A stable code in kebab case, such as `digest-mismatch` or `wrong-type`. */
    readonly code: string,
    /** The package file at fault. */
    readonly file?: string,
    /** The field of the instance or the manifest at fault, or the name of a tensor. */
    readonly field?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The interface's `error`, thrown. */
interface Thrown {
  tag?: string;
  val?: Problem;
}

/** An error of the interface: `{ tag, val }`. */
export function ofInterface(error: { tag: string; val: Problem }): PredictError {
  const { message, code, file, field } = error.val;
  return new PredictError(error.tag as ErrorKind, message, code, file, field);
}

/** Whatever a call into one of the two modules threw. */
export function ofThrown(thrown: unknown): PredictError {
  if (thrown instanceof PredictError) {
    return thrown;
  }
  const error = thrown as Error & Thrown & { payload?: Thrown } & Partial<Problem>;
  // What jco throws is the interface's error itself, or has it as its payload.
  const { tag, val } = error.payload ?? error;
  if (tag && val) {
    return ofInterface({ tag, val });
  }
  if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
    const message = `the sandbox broke: ${error.message}`;
    return new PredictError('sandbox-broken', message, 'trap', undefined, undefined, { cause: error });
  }
  if (typeof error.code === 'string') {
    return new PredictError('invalid-model', error.message, error.code, error.file, error.field);
  }
  throw thrown;
}

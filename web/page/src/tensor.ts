/** Tensors as text: values made for a shape, and JSON of them as the component reads it. */

import type { ElementType, TensorType } from '../../package/dist/index.js';

/** Elements that a form makes at most: their JSON must fit the format's limit. */
export const MOST_ELEMENTS = 2_000_000;

/** What the values of an input are made of. */
export type Fill = 'zeros' | 'ones' | 'ramp' | 'noise';

/** What an element can be, as far as a form cares. */
export type Sort = 'float' | 'integer' | 'bool' | 'string';

/** The sort of an element type. */
export function sortOf(type: ElementType): Sort {
  if (type === 'bool' || type === 'string') {
    return type;
  }
  return /float/.test(type) ? 'float' : 'integer';
}

/** `float32 [N, 3, 224, 224]`. */
export function typed({ elementType, shape }: Pick<TensorType, 'elementType'> & { shape: readonly (string | number)[] }): string {
  return shape.length === 0 ? `${elementType}, one value` : `${elementType} [${shape.join(', ')}]`;
}

/** The number of elements of a shape. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Nested JSON arrays of made values. The same in every browser. */
export function made(fill: Fill, sort: Sort, shape: readonly number[]): string {
  const total = count(shape);
  const random = xorshift(0x5eed);
  const value = (at: number): string => {
    switch (sort) {
      case 'string':
        return '""';
      case 'bool':
        return String(fill === 'ones' || (fill === 'noise' && random() >= 0.5));
      case 'integer':
        return fill === 'zeros' ? '0' : fill === 'ones' ? '1' : fill === 'ramp' ? String(at % 100) : String(Math.floor(random() * 2));
      case 'float':
        return fill === 'zeros' ? '0' : fill === 'ones' ? '1' : fill === 'ramp' ? short(at / Math.max(1, total - 1)) : short(random());
    }
  };
  return nested(shape, value);
}

/** Numbers that somebody pasted, without brackets, in the shape of an input. */
export function shaped(text: string, shape: readonly number[], sort: Sort): string {
  const values = text.split(/[\s,;]+/).filter((part) => part !== '');
  if (values.length !== count(shape)) {
    throw new Error(
      `expected ${count(shape).toLocaleString('en')} values for the shape [${shape.join(', ')}], found ${values.length.toLocaleString('en')}`,
    );
  }
  const wrong = values.find((value) => !isValue(value, sort));
  if (wrong !== undefined) {
    throw new Error(`${JSON.stringify(wrong.slice(0, 40))} is no ${sort === 'bool' ? 'true or false' : 'number'}`);
  }
  return nested(shape, (at) => (sort === 'string' ? JSON.stringify(values[at]) : Number.isFinite(Number(values[at])) ? String(Number(values[at])) : values[at]!));
}

function isValue(value: string, sort: Sort): boolean {
  switch (sort) {
    case 'string':
      return true;
    case 'bool':
      return value === 'true' || value === 'false';
    default:
      return Number.isFinite(Number(value));
  }
}

/** The elements of nested arrays and objects, one after the other. */
export function flat(value: unknown, into: unknown[] = []): unknown[] {
  if (Array.isArray(value)) {
    for (const inner of value) {
      flat(inner, into);
    }
  } else if (value !== null && typeof value === 'object') {
    flat(Object.values(value), into);
  } else {
    into.push(value);
  }
  return into;
}

function nested(shape: readonly number[], value: (at: number) => string): string {
  let at = 0;
  const level = (depth: number): string => {
    if (depth === shape.length) {
      return value(at++);
    }
    const parts = Array.from({ length: shape[depth]! }, () => level(depth + 1));
    return `[${parts.join(depth === shape.length - 1 ? ', ' : ',\n'.padEnd(depth + 3))}]`;
  };
  return level(0);
}

function short(value: number): string {
  return String(Number(value.toFixed(4)));
}

/** Marsaglia's xorshift: numbers from 0 up to 1. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

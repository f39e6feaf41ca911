// Small ONNX files, as exporters would never write them. Field numbers are those of `onnx.proto3`.

function varint(value) {
  const bytes = [];
  for (let left = BigInt.asUintN(64, BigInt(value)); ; left >>= 7n) {
    const last = left < 0x80n;
    bytes.push(Number(left & 0x7fn) | (last ? 0 : 0x80));
    if (last) {
      return Buffer.from(bytes);
    }
  }
}

/** A message of fields: numbers, texts, and messages in messages. */
function message(...fields) {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') {
        return [varint(number << 3), varint(value)];
      }
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

const FLOAT = 1;
const value = (name, extents) => {
  const shape = message(...extents.map((extent) => [1, typeof extent === 'string' ? message([2, extent]) : message([1, extent])]));
  return message([1, name], [2, message([1, message([1, FLOAT], [2, shape])])]);
};

/** One node from the input `x` to the output `y`, with whatever else the graph should have. */
export function graph({ operator = 'Relu', shape = ['N', 3], initializers = [], inputs = ['x'], extra = [] }) {
  const node = message(...inputs.map((name) => [1, name]), [2, 'y'], [4, operator]);
  const body = message(
    [1, node],
    [2, 'graph'],
    ...initializers.map((it) => [5, it]),
    [11, value('x', shape)],
    [12, value('y', shape)],
    ...extra,
  );
  return message([1, 8], [7, body], [8, message([1, ''], [2, 17])]);
}

/** An initializer that promises more than it has, or says that it lies elsewhere. */
export function initializer(name, dims, { raw = Buffer.alloc(0), external } = {}) {
  const place = external ? [[13, message([1, 'location'], [2, external])], [14, 1]] : [[9, raw]];
  return message(...dims.map((extent) => [1, extent]), [2, FLOAT], [8, name], ...place);
}

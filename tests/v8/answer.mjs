// Predictions by their bits, in the form that reference cases have.

const SWAP = {
  uint16: 'swap16', int16: 'swap16', float16: 'swap16', bfloat16: 'swap16',
  uint32: 'swap32', int32: 'swap32', float32: 'swap32',
  uint64: 'swap64', int64: 'swap64', float64: 'swap64',
};

/** A prediction as `expected` of a reference case; what it lacks is absent. */
export function answerOf({ label, score, action, outputs, json }) {
  const sorted = outputs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...(label !== undefined && { label }),
    ...(score !== undefined && { score: floatBits(score) }),
    ...(action !== undefined && { action }),
    outputs: Object.fromEntries(sorted.map((tensor) => [tensor.name, tensorBits(tensor)])),
    json,
  };
}

/** Where two answers differ: `{ part, expected, found }`, with `undefined` for what is absent. */
export function differences(expected, found) {
  const flat = ({ outputs, ...parts }) => {
    const named = Object.entries(outputs).map(([name, bits]) => [`outputs.${name}`, bits]);
    return new Map([...Object.entries(parts), ...named]);
  };
  const [left, right] = [flat(expected), flat(found)];
  const parts = [...new Set([...left.keys(), ...right.keys()])];
  return parts
    .map((part) => ({ part, expected: left.get(part), found: right.get(part) }))
    .filter(({ expected, found }) => expected !== found);
}

function floatBits(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes.toString('hex');
}

/** The elements in hexadecimal, the bytes of each turned round; strings and bytes as they are. */
function tensorBits({ elementType, data }) {
  const bytes = Buffer.from(data);
  const swap = SWAP[elementType];
  return (swap ? bytes[swap]() : bytes).toString('hex');
}

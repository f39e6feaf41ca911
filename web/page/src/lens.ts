/**
 * What a model sees, by the component's own account: a package with the same preparation of the input
 * in front of a graph that hands it through. An ensemble has one for each member.
 */

import { Model, type Instance, type Tensor } from '../../package/dist/index.js';
import type { ModelPackage } from '../../package/dist/support.js';
import type { Seen, Shown } from './protocol.js';

/** ONNX's numbers for the types that a graph's pictures and tokens have. */
const ELEMENT = { float32: 1, uint8: 2, int64: 7 } as const;

/** What one graph sees. */
interface Glass {
  /** The member whose graph it is; undefined where there are no members. */
  name: string | undefined;
  source: ModelPackage;
  model: Model;
}

/** Made when first looked through. */
export class Lens {
  #glasses: Promise<Glass[]> | undefined;

  constructor(private readonly of: Model) {}

  /** What the graphs are given for an instance; nothing of those that take neither pictures nor texts. */
  async look(instance: Instance): Promise<Seen[]> {
    this.#glasses ??= glassesOf(this.of);
    const all: Seen[] = [];
    for (const { name, source, model } of await this.#glasses) {
      const tensor = model.predict(instance).outputs.find(({ name }) => name === 'seen');
      if (tensor) {
        const by = name === undefined ? [] : [name];
        const seen: Seen = { ...shown(source, tensor), by };
        const same = all.find((other) => alike(other, seen));
        same ? same.by.push(...by) : all.push(seen);
      }
    }
    return all;
  }
}

async function glassesOf(model: Model): Promise<Glass[]> {
  const parts: { name: string | undefined; source: ModelPackage }[] =
    model.members.length > 0 ? [...model.members] : [{ name: undefined, source: model.source }];
  const made = parts.map(async ({ name, source }): Promise<Glass[]> => {
    // A part may have none: then nothing of it is shown.
    const glass = await glassOf(model, name, source).catch(() => undefined);
    return glass ? [{ name, source, model: glass }] : [];
  });
  return (await Promise.all(made)).flat();
}

async function glassOf(model: Model, member: string | undefined, source: ModelPackage): Promise<Model | undefined> {
  const from = source.modality === 'text' ? 'input-ids' : 'pixels';
  const declared: { name: string; from: string }[] = JSON.parse(source.manifest).graph.inputs;
  const named = declared.find((it) => it.from === from)?.name;
  const full = member === undefined ? named : `${member}.${named}`;
  const input = model.description.inputs.find(({ name }) => name === full);
  const element = input && ELEMENT[input.elementType as keyof typeof ELEMENT];
  if (!input || !element) {
    return undefined;
  }
  const files = source.lens(element, input.shape).map((file) => {
    const taken = { path: file.path, content: file.take() };
    file.free();
    return taken;
  });
  return Model.load(model.component, files);
}

/** A graph's input as people can look at it. */
function shown(source: ModelPackage, tensor: Tensor): Shown {
  if (source.modality === 'text') {
    return { kind: 'tokens', tokens: source.tokens(integers(tensor)) };
  }
  const shape = Array.from(tensor.shape, Number);
  const rgba = source.pixels(Uint32Array.from(shape), tensor.data) as Uint8Array<ArrayBuffer>;
  // The smaller of the outer extents is the number of channels.
  const last = shape[2]! <= 4 && shape[0]! > 4;
  const [height, width] = last ? [shape[0]!, shape[1]!] : [shape[1]!, shape[2]!];
  return { kind: 'pixels', width, height, rgba };
}

function alike(a: Seen, b: Seen): boolean {
  if (a.kind === 'tokens') {
    return b.kind === 'tokens' && JSON.stringify(a.tokens) === JSON.stringify(b.tokens);
  }
  return b.kind === 'pixels' && a.width === b.width && a.height === b.height && a.rgba.every((value, at) => value === b.rgba[at]);
}

function integers({ data }: Tensor): Int32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int32Array.from({ length: data.length / 8 }, (_, at) => Number(view.getBigInt64(at * 8, true)));
}

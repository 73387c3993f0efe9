/** Reading the page format: a manifest (JSON) and one binary file, both written by vit_tutorial/widgets/models/export.py. */

const FORMAT = 'vit-tutorial-page';
const VERSION = 1;

/** -> { name: Float32Array } with every tensor decoded to float32. Throws where manifest and bytes do not belong together. */
export async function readWeights(manifest, source) {
  if (manifest?.format !== FORMAT || manifest.version !== VERSION) {
    throw new Error(`not a model for this page (${manifest?.format} ${manifest?.version}; known: ${FORMAT} ${VERSION}): export it again`);
  }
  const bytes = toBytes(source);
  if (bytes.length !== manifest.bytes) {
    throw new Error(`the weight file has ${bytes.length} bytes, its manifest says ${manifest.bytes}: it was cut or belongs to another model`);
  }
  if (globalThis.crypto?.subtle) { // browsers have it on https, localhost and file pages
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const sha256 = Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
    if (sha256 !== manifest.sha256) throw new Error('the weight file is damaged: its SHA-256 is not the manifest\'s');
  }
  const tensors = {};
  for (const { name, shape, dtype, offset } of manifest.tensors) {
    if (!decoders[dtype]) {
      throw new Error(`unknown dtype ${dtype} of ${name}; known: ${Object.keys(decoders)}`);
    }
    const count = shape.reduce((a, b) => a * b, 1);
    tensors[name] = decoders[dtype](bytes.buffer, bytes.byteOffset + offset, count, shape[0]);
  }
  return tensors;
}

/** ArrayBuffer, typed array, DataView or base64 text -> Uint8Array. */
function toBytes(source) {
  if (typeof source === 'string') return fromBase64(source);
  if (source?.byteLength === undefined) throw new Error(`the weights are missing: expected bytes or base64 text, got ${source}`);
  return new Uint8Array(source.buffer ?? source, source.byteOffset, source.byteLength);
}

export function fromBase64(text) {
  const binary = atob(text);
  return new Uint8Array(binary.length).map((_, i) => binary.charCodeAt(i)); // Uint8Array.from walks an iterator: ten times slower
}

// Each copies its bytes first, so that a tensor may start anywhere.
const decoders = {
  fp32: (buffer, at, count) => new Float32Array(buffer.slice(at, at + 4 * count)),

  /** A half's exponent and fraction, put in a float's place, are 2^112 too small: the biases are 15 and 127. Subnormals too. */
  fp16(buffer, at, count) {
    const halves = new Uint16Array(buffer.slice(at, at + 2 * count));
    const words = new Uint32Array(halves).map((x) => (x & 0x7fff) << 13);
    return new Float32Array(words.buffer).map((x, i) => x * 2 ** 112 * (halves[i] >> 15 ? -1 : 1));
  },

  /** A float32 scale a row, then the rows: value = scale * integer. */
  int8(buffer, at, count, rows) {
    const scales = new Float32Array(buffer.slice(at, at + 4 * rows));
    const row = count / rows;
    return new Float32Array(new Int8Array(buffer, at + 4 * rows, count)).map((q, i) => q * scales[(i / row) | 0]);
  },
};

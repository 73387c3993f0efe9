/** The interventions of a forward pass, checked. */

const KNOWN = ['move', 'hide', 'positions', 'headsOff', 'temperature', 'scaleExponent'];

/** Options as the caller wrote them -> { source, hidden, positions, headsOff, factor }; throws on what the model cannot do. */
export function readOptions(options, { patches, depth, heads, headDim, prefix, average }) {
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) throw new Error(`unknown option ${key}; known: ${KNOWN.join(', ')}`);
  }
  const { move, hide = [], positions = true, headsOff = [], temperature = 1, scaleExponent = 0.5 } = options;
  const check = (i, what) => {
    if (!Number.isInteger(i) || i < 0 || i >= patches) throw new Error(`${what}: no patch ${i}; they are 0 to ${patches - 1}`);
    return i;
  };
  const source = Array.from(move ?? { length: patches }, (from, i) => check(move ? from : i, 'move'));
  if (source.length !== patches) throw new Error(`move has ${source.length} entries; it needs one for each of the ${patches} patches`);
  const hidden = new Set(Array.from(hide, (i) => check(i, 'hide')));
  if (hidden.size === patches && (average || !prefix)) {
    throw new Error(`all ${patches} patches are hidden and the model reads nothing else: leave at least one`);
  }
  const off = new Set(headsOff);
  for (const name of off) {
    const [layer, head] = String(name).split('.').map(Number);
    if (!(layer >= 0 && layer < depth && head >= 0 && head < heads) || `${layer}.${head}` !== name) {
      throw new Error(`headsOff: no head ${name}; write 'layer.head', 0.0 to ${depth - 1}.${heads - 1}`);
    }
  }
  if (!(temperature > 0 && temperature < Infinity)) throw new Error(`temperature ${temperature} must be a number above 0`);
  if (!Number.isFinite(scaleExponent)) throw new Error(`scaleExponent ${scaleExponent} must be a number; 0.5 is the model's own`);
  return { source, hidden, positions, headsOff: off, factor: 1 / (headDim ** scaleExponent * temperature) };
}

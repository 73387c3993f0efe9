/** Which patches are hidden first: three ways to choose a share of them (He et al. 2022, section 4.1, compare the same three). */

export const SAMPLINGS = ['random', 'block', 'grid'];

/** All patches in the order in which they are hidden; `random()` gives numbers in [0, 1). */
export function order(sampling, { rows, columns, patches }, random = Math.random) {
  const key = Array.from({ length: patches }, random); // ties are broken by chance
  if (sampling === 'block') { // a square that grows around a place
    const [row, column] = [random() * (rows - 1), random() * (columns - 1)];
    key.forEach((noise, i) => { key[i] = Math.max(Math.abs(Math.floor(i / columns) - row), Math.abs((i % columns) - column)) + noise / 1000; });
  }
  if (sampling === 'grid') key.forEach((noise, i) => { key[i] = noise + (Math.floor(i / columns) % 2 === 0 && (i % columns) % 2 === 0 ? 1 : 0); }); // every fourth comes last
  return Array.from(key.keys()).sort((a, b) => key[a] - key[b]);
}

/** The hidden patches when `count` are to be hidden: those that are stay as far as they can, the next ones come in order. */
export function resized(hide, wanted, count) {
  const hidden = new Set(hide);
  for (const patch of wanted) if (hidden.size < count) hidden.add(patch);
  for (const patch of [...wanted].reverse()) if (hidden.size > count) hidden.delete(patch);
  return [...hidden];
}

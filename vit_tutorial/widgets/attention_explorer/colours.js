/** The two colour maps of the book: viridis for amounts, blue-white-red for signed numbers. */

const VIRIDIS = ['#440154', '#482878', '#3e4a89', '#31688e', '#26828e', '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725'];
const DIVERGING = ['#2166ac', '#4393c3', '#92c5de', '#d1e5f0', '#f7f7f7', '#fddbc7', '#f4a582', '#d6604d', '#b2182b'];

/** Hexadecimal stops -> 256 colours [red, green, blue]. */
function table(stops) {
  const rgb = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1), low = Math.min(at | 0, stops.length - 2);
    return rgb[low].map((c, k) => Math.round(c + (at - low) * (rgb[low + 1][k] - c)));
  });
}

const viridis = table(VIRIDIS), diverging = table(DIVERGING);
const pick = (colours, t) => colours[Math.max(0, Math.min(255, Math.round(255 * t)))] ?? colours[0];

/** How numbers become colours, and what the legend says: { colour(x), low, high, stops }. */
export function amountScale(values) {
  let high = 0;
  for (const x of values) if (x > high) high = x;
  return { low: 0, high, stops: VIRIDIS, colour: (x) => pick(viridis, x / (high || 1)) };
}

/** Symmetric around zero, so that white is zero. Numbers that are not finite (hidden patches) are grey. */
export function signedScale(values, high = 0) {
  for (const x of values) if (Number.isFinite(x) && Math.abs(x) > high) high = Math.abs(x);
  return {
    low: -high, high, stops: DIVERGING,
    colour: (x) => (Number.isFinite(x) ? pick(diverging, 0.5 + x / (2 * high || 1)) : [128, 128, 128]),
  };
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Black or white, whichever has more contrast on a colour (WCAG's relative luminance; they are equal at 0.179). */
export function inkOn(rgb) {
  const [r, g, b] = rgb.map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
}

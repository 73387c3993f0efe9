/** The pictures a figure can show: the gallery, the reader's drawing, the reader's photo; each as the model's pixels and for display. */
import { canvas } from './dom.js';
import { prepareInk } from './ink.js';

const SIDE = 256; // about, of a picture for display
export const PENS = { thin: 1.4, medium: 2.4, thick: 3.6 }; // width of a drawn stroke, in pixels of the model, where nothing is scaled

/** Asks the browser to read a picture from an address. */
export async function readPicture(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

/** @param shape of the model; @param gallery entries { name, label, image, large, credit, none }; @param mnist true: prepares drawings as MNIST's */
export async function createPictures({ width, height, channels }, gallery, mnist = false) {
  const factor = Math.max(1, Math.round(SIDE / width)), side = width * factor, tall = height * factor;
  const all = new Map();

  /** Model pixels (a picture of the model's size) and a picture to look at. */
  const entry = (small, large, more) => {
    const pixels = canvas(width, height);
    pixels.pen.drawImage(small, 0, 0, width, height);
    return { pixels, display: large ?? pixels, fine: Boolean(large), ...more };
  };
  const loaded = await Promise.all(gallery.map(async ({ name, image, large, ...more }) =>
    [name, entry(await readPicture(image), large ? await readPicture(large) : null, { name, ...more })]));
  for (const [name, picture] of loaded) all.set(name, picture);

  const paper = canvas(side, tall); // the drawing, enlarged; the model gets it prepared, or its mean over squares
  const drawn = { name: 'drawn', label: 'your drawing', pixels: canvas(width, height), fine: false };
  drawn.display = drawn.pixels;
  const clear = () => {
    for (const { pen } of [paper, drawn.pixels]) {
      pen.fillStyle = '#000';
      pen.fillRect(0, 0, side, tall);
    }
  };
  clear();
  all.set('drawn', drawn);
  let pen = 'medium', prepares = mnist;

  /** What the model gets of the paper. */
  const give = () => {
    if (!prepares) return shrink(paper, drawn.pixels, factor);
    const { data } = paper.pen.getImageData(0, 0, side, tall), given = drawn.pixels.pen.createImageData(width, height);
    const ink = new Uint8Array(side * tall);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i];
    prepareInk(ink, side, tall).forEach((value, i) => given.data.set([value, value, value, 255], 4 * i));
    return drawn.pixels.pen.putImageData(given, 0, 0);
  };

  return {
    names: () => [...all.keys()],
    get: (name) => all.get(name),
    clear, paper, give,
    canPrepare: mnist,
    get prepares() { return prepares; },
    set prepares(on) { prepares = mnist && on; },
    get pen() { return pen; },
    set pen(name) { pen = name; },

    /** True for a sheet on which nothing is drawn. */
    isEmpty: (name) => name === 'drawn' && !drawn.pixels.pen.getImageData(0, 0, width, height).data.some((value, i) => value && i % 4 < 3),

    /** A stroke on the paper, from one point to another, both in 0..1; the model gets it with the next `give`. */
    stroke(from, to) {
      const { pen: brush } = paper;
      Object.assign(brush, { strokeStyle: '#fff', lineWidth: PENS[pen] * factor, lineCap: 'round' });
      brush.beginPath();
      brush.moveTo(from.x * side, from.y * tall);
      brush.lineTo(to.x * side + 0.01, to.y * tall);
      brush.stroke();
    },

    /** Any file that the browser reads as a picture, cut to a square around its centre. Throws what can be shown to the reader. */
    async load(file) {
      const address = URL.createObjectURL(file);
      try {
        const picture = await readPicture(address);
        this.take(picture, picture.naturalWidth || SIDE, picture.naturalHeight || SIDE);
      } catch {
        throw new Error(`${file.name || 'This file'} is not a picture that this browser can read. Try a JPEG or PNG file.`);
      } finally {
        URL.revokeObjectURL(address);
      }
    },
    take(picture, wide, high) {
      const large = canvas(side, tall), scale = Math.min(wide / side, high / tall);
      const [w, h] = [side * scale, tall * scale];
      large.pen.fillStyle = '#fff';
      large.pen.fillRect(0, 0, side, tall);
      Object.assign(large.pen, { imageSmoothingEnabled: true, imageSmoothingQuality: 'high' });
      large.pen.drawImage(picture, (wide - w) / 2, (high - h) / 2, w, h, 0, 0, side, tall);
      const inverted = channels === 1 && inkOnPaper(large);
      const pixels = canvas(width, height);
      shrink(large, pixels, factor);
      all.set('photo', { name: 'photo', label: 'your photo', pixels, display: channels === 1 ? pixels : large, fine: channels !== 1, inverted });
    },

    /** The exact pixels of 'drawn' or 'photo' from a link or from Python (a picture of the model's size). */
    async restore(name, address) {
      const picture = entry(await readPicture(address), null, { name, label: name === 'drawn' ? drawn.label : 'your photo' });
      if (name !== 'drawn') {
        all.set(name, picture);
        return;
      }
      paper.pen.imageSmoothingEnabled = false;
      paper.pen.drawImage(picture.pixels, 0, 0, side, tall);
      give(); // what comes from a prepared drawing stays as it is; what does not was made without
      const [now, then] = [drawn, picture].map(({ pixels }) => pixels.pen.getImageData(0, 0, width, height).data);
      if (!now.some((value, i) => value !== then[i])) return;
      prepares = false;
      give();
    },
    address: (name) => all.get(name).pixels.toDataURL('image/png'),
    pixels: (name) => all.get(name).pixels.pen.getImageData(0, 0, width, height),
  };
}

/** Each pixel of the small canvas is the mean of factor x factor pixels of the large one. */
function shrink(large, small, factor) {
  const from = large.pen.getImageData(0, 0, large.width, large.height).data;
  const image = small.pen.createImageData(small.width, small.height);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let dy = 0; dy < factor; dy++) {
          for (let dx = 0; dx < factor; dx++) sum += from[4 * ((y * factor + dy) * large.width + x * factor + dx) + c];
        }
        image.data[4 * (y * small.width + x) + c] = sum / factor ** 2;
      }
      image.data[4 * (y * small.width + x) + 3] = 255;
    }
  }
  small.pen.putImageData(image, 0, 0);
}

/** A photo of writing becomes what the model knows, light strokes on black: grey, spread over the whole range, inverted where the edge is light. */
function inkOnPaper({ pen, width, height }) {
  const image = pen.getImageData(0, 0, width, height), { data } = image;
  const grey = Array.from({ length: width * height }, (_, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  const edge = grey.filter((_, i) => i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1);
  const inverted = edge.reduce((a, b) => a + b, 0) / edge.length > 127;
  const sorted = [...grey].sort((a, b) => a - b), at = (q) => sorted[Math.floor(q * (sorted.length - 1))];
  const [low, high] = [at(0.02), Math.max(at(0.98), at(0.02) + 1)];
  grey.forEach((value, i) => {
    const spread = (value - low) / (high - low), v = 255 * (inverted ? 1 - spread : spread);
    data.set([v, v, v], 4 * i);
  });
  pen.putImageData(image, 0, 0);
  return inverted;
}

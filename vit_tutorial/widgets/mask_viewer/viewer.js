/** A picture and the mask that a segmenter lays over it: for a page of its own, where people drop pictures of theirs. */
import { button, canvas, element, show, slider, switcher } from '../attention_explorer/dom.js';
import look from '../attention_explorer/look.css';
import { readPicture } from '../attention_explorer/pictures.js';
import { imageToInput } from '../engine/image.js';
import { classesOfPixels, enlarge, loadSegmenter } from '../engine/segmenter.js';
import { createLegend, legendStyles } from '../scene_segmenter/legend.js';
import { createPainter, writeNames } from '../scene_segmenter/overlay.js';
import own from './viewer.css';

const styles = look + legendStyles + own;
const SIDE = 720, SCORES = 4e6; // pixels of the longer side of what is shown; scores of pixels held at a time, at most

/** A mask cut out of maps [K, h, w] of a model's size and enlarged: see segment() in vit_tutorial/tasks/segmentation.py. */
function maskOf({ logits, head: { num_classes: K }, shape }, { top, left, high, wide }, factor, [h, w]) {
  const { height, width } = shape, whole = enlarge(logits, K, h, w, height, width), part = new Float32Array(K * high * wide);
  for (let k = 0, i = 0; k < K; k++) {
    for (let y = 0; y < high; y++, i += wide) part.set(whole.subarray((k * height + top + y) * width + left).subarray(0, wide), i);
  }
  return classesOfPixels(part, K, high, wide, high * factor, wide * factor);
}

/** `options`: model { manifest, data }, gallery [{ label, image, large }]. -> { mask, height, width, show(picture), destroy() } */
export async function createViewer(host, { model: given, gallery }) {
  const model = await loadSegmenter(given.manifest, given.data), { shape, head, classes } = model, K = head.num_classes;
  if (K > 255) throw new Error(`the model has ${K} classes, and a page shows at most 255`);
  if (shape.channels !== 1 && shape.channels !== 3) throw new Error(`a picture has 1 or 3 channels, the model takes ${shape.channels}`);
  const names = classes ?? Array.from({ length: K }, (_, k) => `class ${k}`);
  const state = { opacity: 0.6, names: true, now: null };
  const legend = createLegend(names, K), input = canvas(shape.width, shape.height), view = canvas(1, 1, { 'aria-hidden': null, role: 'img' });
  const opacity = slider('Opacity', { min: 0, max: 100, step: 5 }, (value) => { state.opacity = value / 100; draw(); });
  const labels = switcher('Names', (on) => { state.names = on; draw(); });
  const file = element('input', { type: 'file', accept: 'image/*', class: 'file', onchange: () => { take(file.files[0]); file.value = ''; } });
  const photo = element('label', { class: 'button photo', title: 'Choose a file, or drop one on the figure' }, file, element('span', {}, 'Your picture…'));
  const thumbs = gallery.map((entry, i) => button(element('img', { src: entry.large, alt: '', draggable: 'false' }), () => open(i), { class: 'thumb', 'aria-label': entry.label, title: entry.label }));
  const alarm = element('p', { class: 'alarm', role: 'alert', hidden: true }), spoken = element('p', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const time = element('p', { class: 'sub' });
  const figure = element('div', { class: 'figure' },
    element('div', { class: 'gallery' }, element('div', { class: 'thumbs', role: 'group', 'aria-label': 'Pictures' }, thumbs), photo), alarm,
    element('div', { class: 'stage' }, element('section', { class: 'panel', 'aria-label': 'Picture and mask' }, view, element('div', { class: 'controls' }, opacity.node, labels.node), time),
      element('section', { class: 'panel', 'aria-label': 'Classes' }, legend.node)), spoken);
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), figure);

  /** The picture as large as it can be within the model's size, in the middle, black around it; what is clear in it is white. */
  function compute(small, large, wide, high) {
    const scale = Math.min(shape.height / high, shape.width / wide), size = (length) => Math.max(1, Math.round(length * scale));
    const place = { high: size(high), wide: size(wide) };
    place.top = Math.floor((shape.height - place.high) / 2);
    place.left = Math.floor((shape.width - place.wide) / 2);
    input.pen.fillStyle = '#000';
    input.pen.fillRect(0, 0, shape.width, shape.height);
    input.pen.fillStyle = '#fff';
    input.pen.fillRect(place.left, place.top, place.wide, place.high);
    Object.assign(input.pen, { imageSmoothingEnabled: true, imageSmoothingQuality: 'high' });
    input.pen.drawImage(small, place.left, place.top, place.wide, place.high);
    const began = performance.now();
    const { logits } = model.forward(imageToInput(model, input.pen.getImageData(0, 0, shape.width, shape.height)));
    const s = head.head_cells, cells = [shape.rows * s, shape.columns * s];
    const most = Math.sqrt(SCORES / (K * place.high * place.wide)), wanted = SIDE / Math.max(place.high, place.wide);
    const factor = Math.max(1, Math.floor(Math.min(most, wanted, 4)));
    const mask = maskOf({ logits, head, shape }, place, factor, cells);
    show(time, `${shape.width} × ${shape.height} pixels, as the model takes them, in ${Math.round(performance.now() - began)} ms`);
    const [height, width] = [place.high * factor, place.wide * factor], zoom = Math.max(1, Math.round(SIDE / Math.max(height, width)));
    Object.assign(view, { width: width * zoom, height: height * zoom });
    state.now = { mask, height, width, zoom, large, paint: createPainter(height, width, zoom) };
    legend.set(null, mask);
    const share = new Map();
    for (const k of mask) share.set(k, (share.get(k) ?? 0) + 1);
    const text = [...share].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([k, n]) => `${names[k]} ${((100 * n) / mask.length).toFixed(1)} %`).join(', ');
    view.setAttribute('aria-label', `Picture with the model's mask: ${text}`);
    show(spoken, text);
    draw();
  }
  function draw() {
    const { mask, height, width, zoom, large, paint } = state.now, { pen } = view;
    opacity.set(Math.round(100 * state.opacity), `${Math.round(100 * state.opacity)} %`);
    labels.set(state.names);
    pen.globalAlpha = 1;
    pen.imageSmoothingEnabled = large !== input;
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, view.width, view.height);
    pen.drawImage(large, 0, 0, view.width, view.height);
    if (!state.opacity) return;
    pen.globalAlpha = state.opacity;
    pen.drawImage(paint(mask), 0, 0);
    pen.globalAlpha = 1;
    if (state.names) writeNames(pen, mask, height, width, names, zoom, view.width / 32, true);
  }
  async function open(number) {
    const entry = gallery[number], small = await readPicture(entry.image), large = await readPicture(entry.large);
    thumbs.forEach((thumb, i) => thumb.setAttribute('aria-pressed', i === number));
    compute(small, large, small.naturalWidth, small.naturalHeight);
  }
  async function take(given) {
    if (!given) return;
    const address = URL.createObjectURL(given);
    try {
      const picture = await readPicture(address);
      for (const thumb of thumbs) thumb.setAttribute('aria-pressed', false);
      compute(picture, picture, picture.naturalWidth || SIDE, picture.naturalHeight || SIDE);
      alarm.hidden = true;
    } catch {
      show(alarm, `${given.name || 'This file'} is not a picture that this browser can read. Try a JPEG or PNG file.`);
      alarm.hidden = false;
    } finally { URL.revokeObjectURL(address); }
  }
  figure.addEventListener('dragover', (event) => { event.preventDefault(); figure.classList.add('dropping'); });
  figure.addEventListener('dragleave', () => figure.classList.remove('dropping'));
  figure.addEventListener('drop', (event) => {
    event.preventDefault();
    figure.classList.remove('dropping');
    take(event.dataTransfer.files[0]);
  });
  await open(0);
  host.dataset.ready = model.kernel;
  return { get now() { return { mask: Array.from(state.now.mask), height: state.now.height, width: state.now.width }; }, open, take };
}

export function showFault(host, text) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.replaceChildren(element('style', {}, styles), element('div', { class: 'figure' }, element('p', { class: 'alarm', role: 'alert' }, text)));
  host.dataset.failed = text;
}

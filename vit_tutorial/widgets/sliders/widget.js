/** In a notebook: the kernel draws the figure of each setting when it is asked for. Traits: see widget.py. */
import { createControls, styles } from './figure.js';
import { element } from '../attention_explorer/dom.js';

const PATIENCE = 500; // ms until the reader is told that the kernel is drawing

function render({ model, el }) {
  const image = element('img', { class: 'picture' });
  let asked = null, waiting = null, timer = 0, address = '';

  /** Ask for one setting at a time, and always for the last one: a dragged slider leaves no queue behind. */
  function ask(places) {
    if (asked) { waiting = places; return; }
    asked = places;
    timer = setTimeout(() => image.setAttribute('aria-busy', 'true'), PATIENCE);
    model.set('_asked', places);
    model.save_changes();
  }

  function update() {
    const { places, picture, text, size } = model.get('_shown');
    const old = address;
    address = URL.createObjectURL(new Blob([picture], { type: 'image/png' }));
    image.onload = () => URL.revokeObjectURL(old);
    image.src = address;
    image.alt = text;
    [image.width, image.height] = size;
    controls.fault(model.get('fault'));
    clearTimeout(timer);
    image.removeAttribute('aria-busy');
    const next = waiting;
    asked = waiting = null;
    if (next && String(next) !== String(places)) ask(next);
    else {
      controls.set(places);
      controls.say(text);
    }
  }

  const controls = createControls(model.get('_controls'), model.get('_shown').places, ask);
  const caption = model.get('_caption');
  const host = element('div', { 'data-lm-suppress-shortcuts': true }); // else JupyterLab takes the arrow keys
  host.attachShadow({ mode: 'open' }).append(element('style', {}, styles),
    element('figure', {}, image, controls.node, caption && element('figcaption', {}, caption)));
  el.append(host);
  update();
  model.on('change:_shown', update);
  return () => {
    model.off('change:_shown', update);
    URL.revokeObjectURL(address);
  };
}

export default { render };

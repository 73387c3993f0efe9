/** In a notebook: the same figure as an anywidget. What the reader does goes to Python, what Python sets comes back. */
import { createMap, showFault } from './figure.js';

const FIELDS = ['encoder', 'map', 'chosen']; // of the state, and traits of EmbeddingMap (widget.py)

async function render({ model, el }) {
  const host = document.createElement('div');
  el.append(host);
  let map;
  try {
    map = await createMap(host, {
      data: model.get('data'), state: Object.fromEntries(FIELDS.map((field) => [field, model.get(field)])),
      changed(now, fields) {
        for (const field of fields) model.set(field, now[field]);
        model.save_changes();
      },
    });
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}.`);
    return undefined;
  }
  const listeners = FIELDS.map((field) => [`change:${field}`, () => map.set({ [field]: model.get(field) })]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    map.destroy();
  };
}

export default { render };

/** In a notebook: the same figure as an anywidget. What the reader does goes to Python, what Python sets comes back. */
import { createScene, showFault } from './figure.js';

const FIELDS = ['decoder', 'digits', 'selected', 'opacity', 'show', 'hide', 'tool']; // of the state, and traits of SceneSegmenter (widget.py)

/** A model lives in a widget of its own, which all figures of a kernel share. */
async function asset(model, trait) {
  const found = await model.widget_manager.get_model(model.get(trait).replace('IPY_MODEL_', ''));
  return { manifest: found.get('manifest'), data: found.get('data') };
}

async function render({ model, el }) {
  const host = document.createElement('div');
  el.append(host);
  let scene;
  const answer = ({ mask, right, miou }) => {
    model.set('mask', mask);
    model.set('right', right);
    model.set('miou', miou);
    model.save_changes();
  };
  try {
    scene = await createScene(host, {
      models: { linear: await asset(model, 'linear'), mask: await asset(model, 'mask_transformer') },
      palette: model.get('palette'), state: Object.fromEntries(FIELDS.map((field) => [field, model.get(field)])),
      changed(now, fields, found) {
        for (const field of fields) if (FIELDS.includes(field)) model.set(field, now[field]);
        answer(found);
      },
    });
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}.`);
    return undefined;
  }
  answer(scene.answer());
  const listeners = FIELDS.map((field) => [`change:${field}`, () => {
    if (JSON.stringify(model.get(field)) === JSON.stringify(scene.state[field])) return;
    scene.set({ [field]: model.get(field) });
    answer(scene.answer());
  }]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    scene.destroy();
  };
}

export default { render };

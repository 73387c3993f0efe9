/** In a notebook: the same figure as an anywidget. What the reader does goes to Python, what Python sets comes back. */
import * as engine from '../engine/index.js';
import { createExplorer, showFault } from './figure.js';

// Fields of the state (state.js) -> traits of AttentionExplorer (widget.py).
const TRAITS = {
  view: 'view', image: 'image', layer: 'layer', head: 'head', query: 'query', show: 'show', step: 'step', key: 'key', temperature: 'temperature',
  scale: 'scale', hide: 'hide', move: 'move', positions: 'positions', headsOff: 'heads_off', guide: 'guide',
};

/** Model and gallery live in a widget of their own, which all explorers of a kernel share. */
async function sharedAsset(model) {
  const id = model.get('asset').replace('IPY_MODEL_', '');
  const asset = await model.widget_manager.get_model(id);
  return { manifest: asset.get('manifest'), data: asset.get('data'), gallery: asset.get('gallery') };
}

async function render({ model, el }) {
  const host = document.createElement('div');
  el.append(host);
  let explorer, shown = model.get('picture');
  try {
    const { manifest, data, gallery } = await sharedAsset(model);
    const state = Object.fromEntries(Object.entries(TRAITS).map(([field, trait]) => [field, model.get(trait)]));
    explorer = await createExplorer(host, {
      engine, model: { name: model.get('model'), manifest, data }, gallery, state, steps: model.get('steps'), picture: model.get('picture'),
      changed(now, fields, { picture, probabilities }) {
        for (const field of fields) if (TRAITS[field]) model.set(TRAITS[field], now[field]);
        shown = picture ?? '';
        model.set('picture', shown);
        model.set('probabilities', probabilities);
        model.save_changes();
      },
    });
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}.`);
    return undefined;
  }
  const answer = () => {
    model.set('probabilities', explorer.probabilities());
    model.save_changes();
  };
  const listeners = Object.entries(TRAITS).map(([field, trait]) => [`change:${trait}`, () => {
    if (JSON.stringify(model.get(trait)) === JSON.stringify(explorer.state[field])) return;
    explorer.set({ [field]: model.get(trait) });
    answer();
  }]);
  listeners.push(['change:picture', async () => {
    const picture = model.get('picture');
    if (!picture || picture === shown) return;
    shown = picture;
    await explorer.setPicture('photo', picture);
    model.set('image', 'photo');
    answer();
  }]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return () => {
    for (const [event, listener] of listeners) model.off(event, listener);
    explorer.destroy();
  };
}

export default { render };

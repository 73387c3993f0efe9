/** In a built page: what the loader (../attention_explorer/loader.js) calls when a figure comes near the screen. It brings its own engine. */
import { classesOfPixels, enlarge, loadSegmenter } from '../engine/segmenter.js';
import { createScene, showFault } from './figure.js';
import { compose, randomScene, readInk, scores, turned } from './scene.js';

/** @param figure the element of the page; @param data its JSON; @param assets { models } as their scripts left them. */
async function mount(figure, data, { models }) {
  const host = document.createElement('div'), still = figure.querySelector('.vt-still');
  try {
    const given = Object.fromEntries(Object.entries(data.models).map(([decoder, name]) => {
      if (!models[name]) throw new Error(`the weights of ${name} are missing or were cut: the file could not be read`);
      return [decoder, { manifest: models[name].manifest, data: models[name].base64 }];
    }));
    const scene = await createScene(host, { models: given, palette: data.palette, state: data.state });
    still?.replaceWith(host);
    figure.scene = scene;
  } catch (error) {
    showFault(host, `This figure could not start: ${error.message}. The picture above shows what it does; the rest of the page is not affected.`);
    still?.after(host);
  }
}

(globalThis.vitTutorialFigures ??= {}).scene_segmenter = { mount, showFault };
globalThis.VitSegmenter = { classesOfPixels, compose, enlarge, loadSegmenter, randomScene, readInk, scores, turned };

/**
 * In a built page: the pictures of all settings are there already, and the controls choose among them.
 *
 *   <figure data-vt-figure="live"> <div class="vt-still"> <img class="vt-light"> <img class="vt-dark" hidden> </div> <figcaption> <script type="application/json">
 *   { controls, start, shown: the number of the picture of each setting, texts: alternative texts, pictures: addresses,
 *     dark: those of the same pictures for a dark page }
 */
import { createControls, styles } from './figure.js';
import { element } from '../attention_explorer/dom.js';

function mount(figure, data) {
  if (figure.liveFigure) return;
  const still = figure.querySelector('.vt-still'), light = still.querySelector('.vt-light'), dark = still.querySelector('.vt-dark');
  const sizes = data.controls.map((control) => control.texts.length);
  const number = (places) => places.reduce((sum, place, i) => sum * sizes[i] + place, 0);
  const loads = new Map(); // address of a picture -> { done, failed, promise }
  let wanted = number(data.start);

  /** Starts to load the nth picture, as the page shows it now. */
  function load(n) {
    const picture = (document.documentElement.dataset.theme === 'dark' ? data.dark : data.pictures)[n];
    if (!loads.has(picture)) {
      const entry = { image: new Image(), done: false };
      entry.promise = new Promise((done, fail) => {
        entry.image.onload = () => { entry.done = true; done(); };
        entry.image.onerror = () => { loads.delete(picture); fail(); }; // to be tried again
      });
      entry.promise.catch(() => {});
      entry.image.src = picture;
      loads.set(picture, entry);
    }
    return loads.get(picture);
  }

  function show(setting) {
    light.src = data.pictures[data.shown[setting]]; // both: the page may change its look, and paper is light
    dark.src = data.dark[data.shown[setting]];
    light.alt = dark.alt = data.texts[setting] ?? data.texts[0];
    controls.fault('');
    if (data.texts.length > 1) controls.say(light.alt);
  }

  function choose(places) {
    const setting = number(places), entry = load(data.shown[setting]);
    wanted = setting;
    if (entry.done) return show(setting); // at once, so that a slider can be dragged
    entry.promise.then(
      () => wanted === setting && show(setting),
      () => wanted === setting && controls.fault('The picture of this setting could not be loaded; the one above shows another.'),
    );
    return undefined;
  }

  const controls = createControls(data.controls, data.start, choose);
  const host = element('div', { class: 'vt-live-controls' });
  host.attachShadow({ mode: 'open' }).append(element('style', {}, styles), controls.node);
  light.decoding = dark.decoding = 'sync'; // the next picture in the same frame, not a blank one first
  light.loading = 'eager';
  still.after(host);
  figure.liveFigure = {
    get places() { return [...controls.places]; },
    set(places) { controls.set(places); choose(places); },
    ready: Promise.allSettled(data.pictures.map((_, n) => load(n).promise)),
  };
}

(globalThis.vitTutorialFigures ??= {}).live = { mount };

// Where the script stands inside the figure itself: the output of a cell outside the book.
const own = document.currentScript?.closest('[data-vt-figure="live"]');
if (own) mount(own, JSON.parse(own.querySelector('script[type="application/json"]').textContent));

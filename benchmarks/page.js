/* Runs in the page that benchmarks/page.py serves: every candidate once a round, in a random order, and the times back to Python. */

const BASELINE = 'ONNX Runtime Web';
const json = async (path) => (await fetch(path)).json();
const bytes = async (path) => (await fetch(path)).arrayBuffer();

/** Milliseconds of the processor that this page's thread had so far (from Python), or of the wall where the system does not say. */
const clock = async () => (await json('clock')) ?? performance.now();

/** name -> the forward pass of one image, to logits. Both engines read the weights in int8, as those of the book's pages. */
async function candidates(model, image) {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(`${model}.onnx`, { executionProviders: ['wasm'] });
  const manifest = await json(`${model}.json`), weights = await bytes(`${model}.bin`), { validate } = WebAssembly;
  const fused = await VitEngine.loadViT(manifest, weights);
  WebAssembly.validate = () => false; // as in a browser without relaxed SIMD
  const plain = await VitEngine.loadViT(manifest, weights);
  WebAssembly.validate = validate;
  for (const { kernel } of [fused, plain]) if (kernel !== 'wasm-simd') throw new Error(`the engine runs ${kernel}`);
  const { channels, height, width } = fused.shape;
  return {
    [BASELINE]: async () => (await session.run({ images: new ort.Tensor('float32', image, [1, channels, height, width]) })).logits.data,
    engine: () => fused.forward(image).logits,
    'engine, no fused multiply-add': () => plain.forward(image).logits,
  };
}

/** Milliseconds a call, one value a round. */
async function inRounds(steps, rounds, milliseconds) {
  const names = Object.keys(steps), times = Object.fromEntries(names.map((name) => [name, []])), calls = {};
  const timed = async (name, n) => {
    const start = await clock();
    for (let i = 0; i < n; i++) await steps[name]();
    return (await clock() - start) / n;
  };
  for (const name of names) { // until the compiler has done its work; then as many calls a reading as the clock needs
    for (let spent = 0; spent < 2 * milliseconds;) spent += 4 * await timed(name, 4);
    calls[name] = Math.max(1, Math.round(milliseconds / await timed(name, 4)));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [, name] of names.map((n) => [Math.random(), n]).sort(([a], [b]) => a - b)) times[name].push(await timed(name, calls[name]));
  }
  return times;
}

async function main() {
  const { models, rounds, milliseconds } = await json('settings.json');
  for (const model of models) {
    const steps = await candidates(model, new Float32Array(await bytes(`${model}.image`))), logits = {};
    for (const name in steps) logits[name] = [...await steps[name]()];
    await answer({ model, logits, times: await inRounds(steps, rounds, milliseconds), processor: (await json('clock')) !== null });
  }
  await answer({ done: true });
}

const answer = (body) => fetch('answer', { method: 'POST', body: JSON.stringify(body) });
main().catch((error) => answer({ error: `${error}\n${error.stack}` }));

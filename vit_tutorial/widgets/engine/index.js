/**
 * A Vision Transformer that runs in the page and keeps every intermediate, with no dependency and no server.
 *
 *   import { loadViT, imageToInput, rollout } from './index.js';      // or, from a classic script: VitEngine.loadViT, ...
 *
 *   const vit = await loadViT(manifest, bytes);     // manifest: parsed NAME.json; bytes: NAME.bin as ArrayBuffer, typed array,
 *                                                   // DataView or base64 string. loadViT(entry) takes what NAME.js leaves in
 *                                                   // globalThis.vitTutorialModels[NAME]. { simd: false } asks for the plain product.
 *   vit.kernel                                      // 'wasm-simd' or 'javascript': which matrix product runs
 *   vit.config, vit.classes, vit.mean, vit.std      // the ViTConfig and what was exported with the model
 *   vit.shape                                       // { rows, columns, patches, prefix, tokens, dim, heads, ... }; all in shape.js
 *
 *   const image = imageToInput(vit, imageData);     // RGBA pixels of the model's size -> Float32Array [C, H, W], normalised
 *   const r = vit.forward(image, {                  // every option may be left out; unknown ones are an error
 *     move: [3, 0, 1, ...],      // position i shows the content of patch move[i]; the positions stay where they are
 *     hide: [5, 6],              // positions whose patches nobody may look at (removed from every softmax and from the mean)
 *     positions: false,          // no position embedding
 *     headsOff: ['0.2'],         // 'layer.head', from 0: the head's output is zero
 *     temperature: 2,            // softmax(scores / temperature)
 *     scaleExponent: 0,          // a: scores = q k / d^a; 0.5 is the model's own, 0 is no scaling
 *   });
 *
 * What comes back (row-major Float32Arrays; n patches, N tokens, D width, h heads, d = D/h, K classes; blocks count from 0):
 *
 *   r.patches [n, C P P]        r.patchEmbedding [n, D]     r.positionEmbedding [n or N, D], or null
 *   r.tokens [N, D]             the input of block 0: class token, registers, patches, with positions
 *   r.blocks[l].norm1 [N, D]    .q .k .v [h, N, d]    .scores [h, N, N] scaled, divided by the temperature, -Infinity where hidden
 *              .weights [h, N, N] = softmax(scores)   .context [N, D] the heads' outputs side by side
 *              .attention [N, D] after the output map .afterAttention [N, D] the residual stream
 *              .norm2 [N, D]    .mlpHidden [N, hidden] after GELU   .mlp [N, D]   .afterMlp [N, D] the residual stream
 *   r.features [N, D]           model.forward_features     r.pooled [D] what the head reads
 *   r.logits [K]  r.probabilities [K]      (null where the model has no head)
 *
 * The arrays are views into the engine's memory and hold until the next forward, which writes into the same arrays and returns the
 * same object: copy(r) gives a copy that stays. logits and probabilities are fresh every time.
 *
 *   vit.readout(r.blocks[l].afterMlp, r.hidden) -> { logits, probabilities }: the head's reading of any state (logit lens)
 *   logitLens(vit, r) -> one such reading a state: the tokens, then after each block
 *   rollout(vit, r), receivedAttention(vit, r, l), headEntropy(vit, r, l), attentionDistance(vit, r, l), positionSimilarity(vit)
 *
 * Wrong input throws an Error whose message can be shown to the reader as it is.
 */
export { loadViT } from './model.js';
export { imageToInput } from './image.js';
export * from './analysis.js';

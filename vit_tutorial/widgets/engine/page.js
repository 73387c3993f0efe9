/** The engine for pages that load classic scripts (also from a file): the exports of index.js as globalThis.VitEngine. */
import {
  attentionDistance, copy, headEntropy, imageToInput, loadViT, logitLens, meanOverHeads, positionSimilarity, receivedAttention, rollout,
} from './index.js';

globalThis.VitEngine = {
  attentionDistance, copy, headEntropy, imageToInput, loadViT, logitLens, meanOverHeads, positionSimilarity, receivedAttention, rollout,
};

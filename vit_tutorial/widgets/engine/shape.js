/** The sizes that follow from a ViTConfig. */

const CHOICES = { global_pool: ['token', 'avg'], pos_embed: ['learned', 'sincos2d', 'none'] };

/**
 * config (vit_tutorial.vit.ViTConfig as JSON) -> the sizes of the model: channels, height, width (of the image, pixels), patchSize
 * (pixels), rows, columns, patches = rows * columns, patchLength = C P P, prefix (class token and registers), tokens = prefix + patches,
 * positions (tokens that have a position embedding, the last ones), dim (D), heads, headDim = D / heads, hidden (of the MLP), depth,
 * classes, average (true: the head reads the mean of the patches; false: the class token).
 */
export function readShape(config) {
  for (const field in CHOICES) {
    if (!CHOICES[field].includes(config[field])) throw new Error(`${field} ${config[field]} is not supported; known: ${CHOICES[field]}`);
  }
  const { in_chans: channels, patch_size: patchSize, embed_dim: dim, num_heads: heads, depth, num_classes: classes } = config;
  const [height, width = height] = [config.img_size].flat();
  const rows = height / patchSize, columns = width / patchSize, patches = rows * columns, prefix = +config.class_token + config.reg_tokens;
  const onPatchesOnly = config.no_embed_class || config.pos_embed === 'sincos2d';
  const shape = {
    channels, height, width, patchSize, rows, columns, patches, patchLength: channels * patchSize ** 2, prefix, tokens: prefix + patches,
    positions: config.pos_embed === 'none' ? 0 : patches + (onPatchesOnly ? 0 : prefix),
    dim, heads, headDim: dim / heads, hidden: Math.trunc(dim * config.mlp_ratio), depth, classes,
  };
  for (const name in shape) {
    if (!Number.isInteger(shape[name])) throw new Error(`the configuration is not supported: ${name} would be ${shape[name]}`);
  }
  return { ...shape, average: config.global_pool === 'avg' };
}
